// The command line. Data goes to stdout, messages to stderr; exit codes 0 done, 1 failed, 2 wrong usage.
import { parseArgs } from 'node:util'
import type { Config } from './base/config.ts'
import { AppError, expected } from './base/errors.ts'
import { UsageError } from './cli/usage.ts'

const usage = `Usage: xg2g <command> [options]

  serve [--config FILE] [--demo]      the daemon; --demo brings an emulated receiver along
  remux [options] [IN|-] [OUT|-]      a file or pipe, its sound transcoded; remux --help has the options
  demo-receiver [options]             an emulated Enigma2 receiver; demo-receiver --help has the options
  config [--check] [--config FILE]    print the configuration in effect, or only check it

Exit codes: 0 done, 1 failed, 2 wrong usage.
`

const demoUsage = `Usage: xg2g demo-receiver [--host HOST] [--web-port N] [--stream-port N] [--tuners N]

An emulated Enigma2 receiver: OpenWebIF on the web port (18080), streams on the stream port (18001).
Its streams are made once with ffmpeg and kept under XG2G_DATA.
`

// Each command loads what it needs: `remux` starts in half the time without settings and log.
type Command = (args: string[]) => Promise<number>

const commands: Readonly<Record<string, Command>> = {
  serve,
  remux: async (args) => (await import('./remux.ts')).remux(args),
  'demo-receiver': serveDemo,
  config: printConfig,
}

process.exitCode = await main(process.argv.slice(2))

async function main([name, ...args]: string[]): Promise<number> {
  if (name === '--help' || name === '-h' || name === 'help') return print(usage)
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) {
    process.stderr.write(name === undefined ? usage : `xg2g: there is no command ${name}\n\n${usage}`)
    return 2
  }
  try {
    return await command(args)
  } catch (error) {
    const { maskCredentials } = await import('./base/log.ts')
    const message = error instanceof Error ? error.message : String(error)
    process.stderr.write(`xg2g ${name}: ${maskCredentials(message)}\n`)
    return isUsageError(error) ? 2 : 1
  }
}

async function serve(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { config: { type: 'string' }, demo: { type: 'boolean' } } })
  const config = await readConfig(values.config)
  const { createLog } = await import('./base/log.ts')
  const { startDaemon } = await import('./daemon.ts')
  const log = createLog(config.logLevel)
  const daemon = await startDaemon(config, { log, isDemo: values.demo === true })
  if (daemon.demo !== undefined && daemon.proxyPort !== undefined) {
    const { describeDemo } = await import('./cli/welcome.ts')
    process.stderr.write(describeDemo(daemon.demo.channels, daemon.proxyPort))
  }
  log.info({ signal: await stopSignal() }, 'stopping')
  await daemon.close()
  log.info('stopped')
  return 0
}

async function serveDemo(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      'web-port': { type: 'string', default: '18080' },
      'stream-port': { type: 'string', default: '18001' },
      tuners: { type: 'string', default: '2' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return print(demoUsage)
  const { host } = values
  const webPort = wholeNumber('--web-port', values['web-port'], 65_535)
  const streamPort = wholeNumber('--stream-port', values['stream-port'], 65_535)
  const tuners = wholeNumber('--tuners', values.tuners, 16)
  const config = await readConfig(undefined)
  const { createLog } = await import('./base/log.ts')
  const { startDemoReceiver } = await import('./demo/receiver.ts')
  const log = createLog(config.logLevel)
  const demo = await startDemoReceiver({ host, webPort, streamPort, tuners, dataDir: config.data, log })
  process.stderr.write(`OpenWebIF at ${demo.webUrl}, streams at ${demo.streamUrl}\n`)
  await stopSignal()
  await demo.close()
  return 0
}

async function printConfig(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { config: { type: 'string' }, check: { type: 'boolean' } } })
  const config = await readConfig(values.config)
  const { describeConfig } = await import('./base/config.ts')
  for (const warning of config.warnings) process.stderr.write(`${warning}\n`)
  return values.check === true ? 0 : print(describeConfig(config))
}

async function readConfig(file: string | undefined): Promise<Config> {
  const { loadConfig } = await import('./base/config.ts')
  return loadConfig(file === undefined ? {} : { file })
}

/** The first signal to stop; a second one ends the process where it is. */
async function stopSignal(): Promise<string> {
  return await new Promise((resolve) => {
    let isStopping = false
    const stop = (signal: string) => {
      if (isStopping) process.exit(1)
      isStopping = true
      resolve(signal)
    }
    process.on('SIGTERM', stop).on('SIGINT', stop)
  })
}

function wholeNumber(name: string, text: string, most: number): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(number <= most)) throw expected(`a whole number up to ${most}`, name, text)
  return number
}

function isUsageError(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'BAD_REQUEST'
  const { code } = error as { code?: unknown }
  return error instanceof UsageError || (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS'))
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}
