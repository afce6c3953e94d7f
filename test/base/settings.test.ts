import { readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { settingInfo, settingKeys } from '../../src/base/settings.ts'
import {
  exampleFile,
  examplePath,
  readmePath,
  readmeWithSettings,
  schemaFile,
  schemaPath,
} from './document.ts'

describe('settings', () => {
  it('are in the example file (make settings)', () => {
    expect(readFileSync(examplePath, 'utf8')).toBe(exampleFile())
  })

  it('are in the JSON schema (make settings)', async () => {
    const schema = await schemaFile()
    expect(readFileSync(schemaPath, 'utf8')).toBe(schema)
    const { properties, additionalProperties } = JSON.parse(schema) as Record<string, object>
    expect(additionalProperties).toBe(false)
    expect(properties).toMatchObject({
      listen: { default: ':8080', description: expect.stringContaining('XG2G_LISTEN') as string },
      audioCodec: { enum: ['aac', 'mp3'] },
      owiPassFile: { type: 'string' },
    })
  })

  it('are in README (make settings)', () => {
    const readme = readFileSync(readmePath, 'utf8')
    expect(readme).toBe(readmeWithSettings(readme))
    expect(readme).toContain('| `listen` | `XG2G_LISTEN` | `:8080` |')
  })

  it('have one environment name each', () => {
    const names = settingKeys.flatMap((key) => [settingInfo(key).env, ...(settingInfo(key).oldEnv ?? [])])
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !name.startsWith('XG2G_'))).toEqual([])
  })

  it('are the defaults when the example file is uncommented', () => {
    const folder = mkdtempSync(join(tmpdir(), 'xg2g-settings-'))
    const file = join(folder, 'xg2g.yaml')
    const uncommented = readFileSync(examplePath, 'utf8').replace(/^# ([a-z]\w*:)/gm, '$1')
    try {
      writeFileSync(file, uncommented)
      expect(uncommented).toMatch(/^listen: :8080$/m)
      expect({ ...loadConfig({ env: {}, file }), given: [] }).toEqual(loadConfig({ env: {} }))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
