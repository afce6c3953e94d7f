// The effective configuration: YAML file, then environment, checked against settings.ts. Secrets may
// stand in files of their own. Unknown keys and bad values stop the start, all named at once.
import { readFileSync } from 'node:fs'
import { stringify, parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { AppError, expectation } from './errors.ts'
import { maskCredentials } from './log.ts'
import { secretFile } from './setting.ts'
import { settingInfo, settingKeys, settings, type SettingKey } from './settings.ts'
import { formatDuration, formatListen, formatMode } from './units.ts'

const schema = z.strictObject(settings)

/** All settings, parsed: bit/s, listen addresses, lists. `warnings` is for the log, once there is one;
 *  `given` are the settings that file or environment have set, the others are defaults. */
export type Config = Readonly<z.infer<typeof schema>> & {
  readonly warnings: readonly string[]
  readonly given: readonly SettingKey[]
}

type Environment = Readonly<Record<string, string | undefined>>
type Raw = Record<string, unknown>

// Names that installations of earlier versions set, and whose part does not exist yet: they are
// warned of. Any other unknown XG2G_ name is taken for a typing mistake.
const awaited = /^XG2G_(HDHR_(MODEL|FIRMWARE)|EPG_\w+)$/

/** Reads the configuration. Throws CONFIG_INVALID with one line for each problem. */
export function loadConfig({ env = process.env, file }: { env?: Environment; file?: string } = {}): Config {
  const warnings: string[] = []
  const problems: string[] = []
  const fromFile = file === undefined ? {} : readSecretFiles(readSettings(file), problems)
  const fromEnv = readEnvironment(env, warnings, problems)
  const raw = withoutEmpty({ ...fromFile, ...withoutEmpty(fromEnv) })

  const result = schema.safeParse(raw)
  if (!result.success) {
    for (const issue of result.error.issues) problems.push(...describeIssue(issue, raw, fromEnv))
  }
  if (problems.length > 0 || !result.success) {
    throw new AppError('CONFIG_INVALID', { reason: problems.join('\n'), problems, file })
  }
  return { ...result.data, warnings, given: settingKeys.filter((key) => key in raw) }
}

/** What each setting is worth now: secrets and credentials in URLs masked. */
export function maskedConfig(config: Config): Record<string, unknown> {
  const shown = settingKeys.map((key) => [key, describeValue(key, config[key])] as const)
  return Object.fromEntries(shown.filter(([, value]) => value !== undefined))
}

/** The configuration as YAML that loadConfig reads again; secrets and credentials in URLs masked. */
export function describeConfig(config: Config): string {
  return stringify(maskedConfig(config))
}

function describeValue(key: SettingKey, value: Config[SettingKey]): unknown {
  if (value === undefined) return undefined
  const { isSecret, isDuration, isMode } = settingInfo(key)
  if (isSecret) return '***'
  if (isDuration && typeof value === 'number') return formatDuration(value)
  if (isMode && typeof value === 'number') return formatMode(value)
  if (typeof value === 'string' || Array.isArray(value)) return withoutCredentials(value)
  return typeof value === 'object' && 'port' in value ? formatListen(value) : value
}

function readSettings(file: string): Raw {
  let content: unknown
  try {
    content = parseYaml(readFileSync(file, 'utf8'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)
    throw new AppError('CONFIG_INVALID', {
      cause,
      file,
      reason: `The configuration file cannot be read: ${why}`,
    })
  }
  if (content === null || content === undefined) return {}
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new AppError('CONFIG_INVALID', {
      file,
      reason: expectation('settings, one `key: value` a line', file, content),
    })
  }
  return withoutEmpty(withMeaning(content as Raw))
}

function readEnvironment(env: Environment, warnings: string[], problems: string[]): Raw {
  const raw: Raw = {}
  const known = new Set<string>()
  for (const key of settingKeys) {
    const info = settingInfo(key)
    const { env: name, oldEnv = [] } = info
    for (const each of [name, ...oldEnv]) {
      known.add(each)
      const value = env[each] === '' ? info.empty : env[each]
      if (value === undefined) continue
      if (each !== name) warnings.push(`${each} is an old name of ${name}`)
      raw[key] ??= value
    }
    if (info.isSecret !== true) continue
    const inFile = secretFile(key, info)
    known.add(inFile.env)
    const path = env[inFile.env]
    if (path !== undefined && path !== '') raw[key] = readSecret(inFile.env, path, name, raw[key], problems)
  }
  for (const name of Object.keys(env)) {
    if (!name.startsWith('XG2G_') || known.has(name)) continue
    if (awaited.test(name)) warnings.push(`${name} has no effect in this version`)
    else problems.push(unknownSetting(name, env[name]))
  }
  return raw
}

// `owiPassFile: /run/secrets/box` stands for `owiPass:` with what the file holds.
function readSecretFiles(raw: Raw, problems: string[]): Raw {
  const read = { ...raw }
  for (const key of settingKeys) {
    const info = settingInfo(key)
    const inFile = secretFile(key, info).key
    if (info.isSecret !== true || !(inFile in raw)) continue
    read[key] = readSecret(inFile, raw[inFile], key, raw[key], problems)
    Reflect.deleteProperty(read, inFile)
  }
  return withoutEmpty(read)
}

function readSecret(
  name: string,
  path: unknown,
  openName: string,
  openValue: unknown,
  problems: string[],
): string | undefined {
  if (openValue !== undefined) {
    problems.push(`Expected one of ${openName} and ${name} but received both`)
    return undefined
  }
  if (typeof path !== 'string') {
    problems.push(expectation('the path of a file', name, path))
    return undefined
  }
  try {
    const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    if (secret === '') problems.push(expectation('a file that holds a secret', name, path))
    return secret || undefined
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    problems.push(`The file of ${name} cannot be read: ${why}`)
    return undefined
  }
}

// `key: ""` where that means something.
function withMeaning(raw: Raw): Raw {
  const meaning = settingKeys.flatMap((key) => {
    const { empty } = settingInfo(key)
    return raw[key] === '' && empty !== undefined ? [[key, empty] as const] : []
  })
  return { ...raw, ...Object.fromEntries(meaning) }
}

// `key:` with nothing behind it means: not set.
function withoutEmpty(raw: Raw): Raw {
  return Object.fromEntries(
    Object.entries(raw).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  )
}

function describeIssue(issue: z.core.$ZodIssue, raw: Raw, fromEnv: Raw): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownSetting(key, raw[key]))
  }
  const key = issue.path[0] as SettingKey
  const { env, isSecret } = settingInfo(key)
  const name = fromEnv[key] === undefined ? key : env
  const value = raw[key]
  const shown = isSecret ? '***' : withoutCredentials(value)
  return [expectation(issue.message, name, shown)]
}

// In texts and lists of texts.
function withoutCredentials(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCredentials)
  return typeof value === 'string' ? maskCredentials(value) : value
}

// A mistyped XG2G_OWI_PASSWORD still holds a password.
function unknownSetting(name: string, value: unknown): string {
  return expectation(
    'a known setting (see README)',
    name,
    /pass|token|secret|key/i.test(name) ? '***' : value,
  )
}
