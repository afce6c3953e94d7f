// The command line. Data goes to stdout, messages to stderr; exit codes 0 done, 1 failed, 2 wrong usage.
import { parseArgs } from 'node:util'
import type { Config } from './base/config.ts'
import { AppError } from './base/errors.ts'
import { UsageError } from './cli/usage.ts'

const usage = `Usage: xg2g <command> [options]

  serve [--config FILE] [--demo]      the daemon; --demo brings an emulated receiver along
  transcoder [--config FILE]          the transcoder alone, for other programs: no receiver, no guide
  remux [options] [IN|-] [OUT|-]      a file or pipe, its sound transcoded; remux --help has the options
  demo-receiver [options]             an emulated Enigma2 receiver; demo-receiver --help has the options
  discover [--probe]                  find receivers on the local networks
  doctor [--config FILE]              say what is missing or wrong on this machine and with the receiver
  refresh [channels|guide|all]        let the running daemon ask its receiver again; refresh --help has the options
  config [--check] [--config FILE]    print the configuration in effect, or only check it
  config --schema                     print the JSON schema of the configuration file

Exit codes: 0 done, 1 failed, 2 wrong usage.
`

// Each command loads what it needs: `remux` starts in half the time without settings and log.
type Command = (args: string[]) => Promise<number>

const commands: Readonly<Record<string, Command>> = {
  serve,
  transcoder: transcode,
  remux: async (args) => (await import('./remux.ts')).remux(args),
  'demo-receiver': serveDemo,
  discover: async (args) => (await import('./cli/discover.ts')).discover(args),
  doctor: diagnose,
  refresh: async (args) => (await import('./cli/refresh.ts')).refresh(args),
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
  const load = await configReader(values.config)
  const config = load()
  const { createLog } = await import('./base/log.ts')
  const { startDaemon } = await import('./daemon.ts')
  const log = createLog(config.logLevel)
  const daemon = await startDaemon(config, { log, isDemo: values.demo === true, load })
  reloadOnHangup(daemon)
  const { apiPort, proxyPort } = daemon
  if (daemon.demo !== undefined && proxyPort !== undefined) {
    const { describeDemo } = await import('./cli/welcome.ts')
    process.stderr.write(
      describeDemo(daemon.demo.channels, { proxyPort, apiPort, tunerPort: daemon.tunerPort }),
    )
  }
  log.info({ signal: await stopSignal() }, 'stopping')
  await daemon.close()
  log.info('stopped')
  return 0
}

async function transcode(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { config: { type: 'string' } } })
  const load = await configReader(values.config)
  const config = load()
  const { createLog } = await import('./base/log.ts')
  const { startTranscoder } = await import('./transcoder.ts')
  const log = createLog(config.logLevel)
  const transcoder = await startTranscoder(config, { log, load })
  reloadOnHangup(transcoder)
  log.info({ signal: await stopSignal() }, 'stopping')
  await transcoder.close()
  log.info('stopped')
  return 0
}

async function serveDemo(args: string[]): Promise<number> {
  const { demoReceiverUsage, runDemoReceiver } = await import('./demo/main.ts')
  if (args.includes('--help') || args.includes('-h')) return print(`${demoReceiverUsage}\n`)
  await runDemoReceiver(args)
  return 0
}

async function diagnose(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { config: { type: 'string' } } })
  const config = await readConfig(values.config)
  return await (await import('./cli/doctor.ts')).doctor(config)
}

async function printConfig(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { config: { type: 'string' }, check: { type: 'boolean' }, schema: { type: 'boolean' } },
  })
  if (values.schema === true) {
    const { configSchema } = await import('./base/schema.ts')
    return print(`${JSON.stringify(configSchema(), null, 2)}\n`)
  }
  const config = await readConfig(values.config)
  const { describeConfig } = await import('./base/config.ts')
  for (const warning of config.warnings) process.stderr.write(`${warning}\n`)
  return values.check === true ? 0 : print(describeConfig(config))
}

async function readConfig(file: string | undefined): Promise<Config> {
  return (await configReader(file))()
}

/** Reads the configuration, each time anew. */
async function configReader(file: string | undefined): Promise<() => Config> {
  const { loadConfig } = await import('./base/config.ts')
  return () => loadConfig(file === undefined ? {} : { file })
}

function reloadOnHangup(running: { reload: () => unknown }): void {
  if (process.stdin.isTTY) return // there it says that the terminal is gone
  process.on('SIGHUP', () => {
    try {
      running.reload()
    } catch {
      // rejected: it has been logged, and the configuration in effect stays
    }
  })
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
    if (process.stdin.isTTY) process.on('SIGHUP', stop)
  })
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
