// Writes the settings into etc/xg2g.example.yaml, etc/xg2g.schema.json and README.md (`make settings`);
// the test beside it compares the files with what would be written.
import { readFileSync, writeFileSync } from 'node:fs'
import { format } from 'prettier'
import { configSchema } from '../../src/base/schema.ts'
import { settingInfo, settingKeys } from '../../src/base/settings.ts'

export const examplePath = 'etc/xg2g.example.yaml'
export const schemaPath = 'etc/xg2g.schema.json'
export const readmePath = 'README.md'

/** The example file: each setting with its default, commented out. */
export function exampleFile(): string {
  const entries = settingKeys.map((key) => {
    const { env, fallback, meaning } = settingInfo(key)
    return `# ${meaning}.\n# ${env}\n# ${key}:${fallback === undefined || fallback === '' ? '' : ` ${fallback}`}\n`
  })
  const header = [
    '# The settings of xg2g and their defaults. The environment, where set, wins.',
    '# yaml-language-server: $schema=xg2g.schema.json',
    '',
  ].join('\n')
  return [header, ...entries].join('\n')
}

/** The schema as a file. */
export function schemaFile(): Promise<string> {
  return format(JSON.stringify(configSchema()), { filepath: schemaPath, printWidth: 110 })
}

/** README with the table of settings between its two marks. */
export function readmeWithSettings(readme: string): string {
  const rows = settingKeys.map((key) => {
    const { env, fallback, meaning, isLive } = settingInfo(key)
    const initial = fallback ? `\`${fallback}\`` : ''
    return `| \`${key}\` | \`${env}\` | ${initial} | ${isLive === true ? 'yes' : ''} | ${meaning} |`
  })
  const head = ['| key | environment | default | live | meaning |', '|---|---|---|---|---|']
  const table = [...head, ...rows].join('\n')
  return readme.replace(
    /(<!-- settings[^>]*-->\n).*(<!-- \/settings -->)/s,
    (_, open: string, close: string) => `${open}${table}\n${close}`,
  )
}

if (import.meta.main) {
  writeFileSync(examplePath, exampleFile())
  writeFileSync(schemaPath, await schemaFile())
  writeFileSync(readmePath, readmeWithSettings(readFileSync(readmePath, 'utf8')))
}
