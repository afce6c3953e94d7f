// Writes the settings into etc/xg2g.example.yaml and README.md (`make settings`); the test beside
// it compares the two files with what would be written.
import { readFileSync, writeFileSync } from 'node:fs'
import { settingInfo, settingKeys } from '../../src/base/settings.ts'

export const examplePath = 'etc/xg2g.example.yaml'
export const readmePath = 'README.md'

/** The example file: each setting with its default, commented out. */
export function exampleFile(): string {
  const entries = settingKeys.map((key) => {
    const { env, fallback, meaning } = settingInfo(key)
    return `# ${meaning}.\n# ${env}\n# ${key}:${fallback === undefined || fallback === '' ? '' : ` ${fallback}`}\n`
  })
  return ['# The settings of xg2g and their defaults. The environment, where set, wins.\n', ...entries].join(
    '\n',
  )
}

/** README with the table of settings between its two marks. */
export function readmeWithSettings(readme: string): string {
  const rows = settingKeys.map((key) => {
    const { env, fallback, meaning } = settingInfo(key)
    return `| \`${key}\` | \`${env}\` | ${fallback ? `\`${fallback}\`` : ''} | ${meaning} |`
  })
  const table = ['| key | environment | default | meaning |', '|---|---|---|---|', ...rows].join('\n')
  return readme.replace(
    /(<!-- settings[^>]*-->\n).*(<!-- \/settings -->)/s,
    (_, open: string, close: string) => `${open}${table}\n${close}`,
  )
}

if (import.meta.main) {
  writeFileSync(examplePath, exampleFile())
  writeFileSync(readmePath, readmeWithSettings(readFileSync(readmePath, 'utf8')))
}
