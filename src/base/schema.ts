// The settings as a JSON schema: editors check and complete the YAML file with it.
import { z } from 'zod'
import { secretFile } from './setting.ts'
import { settingInfo, settingKeys, settings } from './settings.ts'

/** JSON schema (2020-12) of the configuration file. */
export function configSchema(): Record<string, unknown> {
  const { properties = {}, ...schema } = z.toJSONSchema(z.strictObject(settings), { io: 'input' })
  const described = settingKeys.flatMap((key) => {
    const info = settingInfo(key)
    const meaning = `${info.meaning}. Environment: ${info.env}`
    const entry = [key, { description: meaning, ...Object(properties[key]) }] as const
    if (info.isSecret !== true) return [entry]
    const inFile = secretFile(key, info)
    return [entry, [inFile.key, { description: `A file that holds ${key}`, type: 'string' }] as const]
  })
  return { ...schema, title: 'Settings of xg2g', properties: Object.fromEntries(described) }
}
