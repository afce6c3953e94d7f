// The command `demo-receiver`: starts the emulated box, says what to open, and runs until it is told to stop.
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { destination } from 'pino'
import { expected } from '../base/errors.ts'
import { createLog } from '../base/log.ts'
import { channels, type Kind } from './channels.ts'
import { startDemoReceiver } from './receiver.ts'

export const demoReceiverUsage = `Usage: xg2g demo-receiver [options]
  --web-port N      port of the web side (18080)
  --stream-port N   port of the streams (18001)
  --relay-port N    port of the relay (off)
  --host ADDRESS    where to listen (127.0.0.1)
  --data FOLDER     where streams are kept (var)
  --tuners N        how many transponders at once (4)
  --seed N          of the guide (1)
  --streams A,B     only these kinds of channels
  --play FILE       a transport stream as a further channel; may come more than once
  --tv KIND         what the living room watches (nothing: standby)
  --record A,B      what the box records (nothing)`

/** Runs the demo receiver until SIGINT or SIGTERM.
 *  @param args  what follows `demo-receiver` on the command line
 *  @throws AppError BAD_REQUEST for wrong arguments */
export async function runDemoReceiver(args: readonly string[]): Promise<void> {
  const values = parse(args)
  const receiver = await startDemoReceiver({
    webPort: port('web-port', values['web-port']),
    streamPort: port('stream-port', values['stream-port']),
    relayPort: values['relay-port'] === undefined ? undefined : port('relay-port', values['relay-port']),
    host: values.host,
    dataDir: values.data,
    tuners: count('tuners', values.tuners),
    seed: count('seed', values.seed),
    streams: values.streams?.split(',').map((name) => kind('streams', name)),
    files: values.play?.map((path) => ({ path, name: basename(path) })),
    tv: values.tv === undefined ? undefined : kind('tv', values.tv),
    recordings: values.record?.split(',').map((name) => kind('record', name)),
    tuneMs: 300,
    tunerHoldMs: 500,
    log: createLog('info', destination(process.stderr.fd)),
  })
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  process.once('SIGINT', resolve).once('SIGTERM', resolve)
  process.stderr.write(welcome(receiver))
  await promise
  await receiver.close()
}

function welcome({ webUrl, streamUrl, channels }: Awaited<ReturnType<typeof startDemoReceiver>>): string {
  const rows = channels.map(
    ({ name, ref, kind }) => `  ${name.padEnd(20)} ${kind.padEnd(16)} ${streamUrl}/${ref}`,
  )
  return [
    '',
    `The demo receiver runs: ${webUrl} (set XG2G_OWI_BASE to it)`,
    'Its channels, for any player:',
    ...rows,
    '',
    '',
  ].join('\n')
}

interface Values {
  'web-port': string
  'stream-port': string
  'relay-port'?: string
  host: string
  data: string
  tuners: string
  seed: string
  streams?: string
  play?: string[]
  tv?: string
  record?: string
}

function parse(args: readonly string[]): Values {
  const text = { type: 'string' } as const
  const options = {
    'web-port': { ...text, default: '18080' },
    'stream-port': { ...text, default: '18001' },
    'relay-port': text,
    host: { ...text, default: '127.0.0.1' },
    data: { ...text, default: process.env.XG2G_DATA ?? 'var' },
    tuners: { ...text, default: '4' },
    seed: { ...text, default: '1' },
    streams: text,
    play: { ...text, multiple: true },
    tv: text,
    record: text,
  } as const
  try {
    return parseArgs({ args: [...args], options, strict: true }).values
  } catch (error) {
    throw expected(
      'the options of demo-receiver',
      'the command line',
      error instanceof Error ? error.message : error,
    )
  }
}

function kind(name: string, text: string): Kind {
  const found = channels.map((channel) => channel.kind).find((known) => known === text)
  if (found === undefined || found === 'file') throw expected('a kind of channel', `--${name}`, text)
  return found
}

function port(name: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw expected('a port', `--${name}`, text)
  return value
}

function count(name: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 1_000_000) throw expected('a whole number', `--${name}`, text)
  return value
}
