// The demo receiver as a whole: an emulated Enigma2 box with a web side, a stream port and, on request, a
// relay port. First run, tests and benchmarks use it.
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createLog, type Logger } from '../base/log.ts'
import { channels, type Channel, type Kind, reference, referenceKey, transponderOf } from './channels.ts'
import { type Fault, Faults } from './faults.ts'
import { Household } from './household.ts'
import { Ledger, type LedgerState } from './ledger.ts'
import { Library } from './signal/library.ts'
import { Loop } from './signal/loop.ts'
import { type Station, StreamServer } from './stream.ts'
import { Tuners, type TunerState } from './tuners.ts'
import type { Pace } from './viewer.ts'
import { Pages, type WebStyle } from './web/pages.ts'
import { WebServer } from './web/server.ts'

/** A transport stream file as a channel. */
export interface FileChannel {
  readonly path: string
  readonly name: string
  /** Bits per second at which it is sent; its own pace unless given. */
  readonly bitrate?: number
}

export interface DemoOptions {
  /** Ports; 0 lets the system choose. */
  readonly webPort: number
  readonly streamPort: number
  /** The relay for whitelisted services; off unless given. */
  readonly relayPort?: number
  /** Streams are kept in its folder `demo`. */
  readonly dataDir: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 4. */
  readonly tuners?: number
  /** Of the guide; default 1. */
  readonly seed?: number
  readonly log?: Logger
  /** Only these channels are generated and listed; all unless given. */
  readonly streams?: readonly Kind[]
  readonly files?: readonly FileChannel[]
  /** Lists copies under names and references of their own until there are so many channels. They send what
   *  the channel sends that they are a copy of. */
  readonly atLeast?: number
  /** How far the guide reaches; default 7. */
  readonly guideDays?: number
  /** `fast` sends as quickly as the client reads. Default `realtime`. */
  readonly pace?: Pace
  /** How often due packets are sent; default 10. */
  readonly stepMs?: number
  /** From the 200 to the first packet; default 0. On the relay port 3000. */
  readonly tuneMs?: number
  readonly relayTuneMs?: number
  /** How long a tuner stays taken after the last stream from it has ended; default 0. */
  readonly tunerHoldMs?: number
  /** How long a client may leave its socket full; default 10000. */
  readonly writeTimeoutMs?: number
  /** How the web side speaks, and whether it wants a password. */
  readonly web?: Partial<WebStyle>
  /** What the living room watches, which takes a tuner; standby unless given. */
  readonly tv?: Kind
  /** What it records, each of which takes a tuner; nothing unless given. */
  readonly recordings?: readonly Kind[]
  /** The program that encodes; `ffmpeg` from the path unless given. */
  readonly ffmpeg?: string
}

export interface DemoFaults {
  /** Puts a fault in force for the next `times` streams (default: all) of a kind, reference or `*`.
   *  @returns takes it back */
  add(target: string, fault: Fault, times?: number): () => void
  clear(): void
  list(): Array<{ target: string; fault: Fault; left: number }>
  /** Drops everything and refuses connections for a while, as a box that restarts does. Resolves when it is back. */
  reboot(ms: number): Promise<void>
}

export interface DemoReceiver {
  readonly webUrl: string
  readonly streamUrl: string
  readonly relayUrl: string | undefined
  readonly channels: ReadonlyArray<{ name: string; ref: string; kind: Channel['kind'] }>
  readonly faults: DemoFaults
  /** What clients did so far. */
  readonly requests: LedgerState
  resetRequests(): void
  tuners(): TunerState[]
  /** Turns the television on, to another channel, or off. False if no tuner is free for it. */
  watch(ref: string | undefined): boolean
  /** Begins to record. @returns ends it; undefined if no tuner is free */
  record(ref: string): (() => void) | undefined
  close(): Promise<void>
}

/** Generates what is missing (about a minute at the first start) and listens.
 *  @throws AppError INTERNAL when ffmpeg is missing; whatever listening throws */
export async function startDemoReceiver(options: DemoOptions): Promise<DemoReceiver> {
  const log = options.log ?? createLog('silent')
  const stations = await makeStations(options, log)
  const receiver = new Receiver(options, log, stations)
  await receiver.open()
  return receiver
}

class Receiver implements DemoReceiver {
  readonly channels: DemoReceiver['channels']
  readonly faults: DemoFaults
  webUrl = ''
  streamUrl = ''
  relayUrl: string | undefined
  private readonly host: string
  private readonly ledger = new Ledger()
  private readonly tunerPool: Tuners
  private readonly web: WebServer
  private readonly stream: StreamServer
  private readonly relay: StreamServer | undefined
  private readonly ports = { stream: 0, relay: 0 }
  private readonly household: Household
  private readonly byKey: ReadonlyMap<string, Channel>
  private isClosed = false
  private rebooting: Promise<void> | undefined

  constructor(options: DemoOptions, log: Logger, stations: ReadonlyMap<string, Station>) {
    const {
      host = '127.0.0.1',
      tuners = 4,
      tunerHoldMs = 0,
      pace = 'realtime',
      stepMs = 10,
      tuneMs = 0,
    } = options
    this.host = host
    this.tunerPool = new Tuners(tuners, tunerHoldMs)
    const all = [...stations.values()].map(({ channel }) => channel)
    this.channels = all.map(({ name, ref, kind }) => ({ name, ref, kind }))
    const orders = new Faults()
    this.faults = {
      add: (target, fault, times) => orders.add(target, fault, times),
      clear: () => orders.clear(),
      list: () => orders.list(),
      reboot: (ms) => this.reboot(ms),
    }
    this.byKey = new Map(all.map((channel) => [referenceKey(channel.ref), channel]))
    this.household = new Household(this.tunerPool)
    this.household.watch(all.find(({ kind }) => kind === options.tv))
    for (const channel of all) if (isRecorded(channel, options.recordings)) this.household.record(channel)
    const pages = new Pages({
      channels: all,
      seed: options.seed ?? 1,
      style: options.web ?? {},
      tuners: this.tunerPool,
      ledger: this.ledger,
      faults: orders,
      household: this.household,
      ports: this.ports,
      hasRelay: options.relayPort !== undefined,
      guideDays: options.guideDays ?? 7,
      reboot: (ms) => {
        this.reboot(ms).catch((error: unknown) =>
          log.error({ err: error }, 'demo receiver did not come back'),
        )
      },
    })
    const find = (ref: string): Station | undefined => stations.get(referenceKey(pages.resolve(ref)))
    const shared = {
      host,
      pace,
      stepMs,
      log,
      ledger: this.ledger,
      tuners: this.tunerPool,
      faults: orders,
      find: (ref: string) => withGuide(find(ref), pages),
      isAllowed: (authorization: string | undefined) => pages.isStreamAllowed(authorization),
      writeTimeoutMs: options.writeTimeoutMs ?? 10_000,
    }
    this.stream = new StreamServer({ ...shared, port: options.streamPort, isRelay: false, tuneMs })
    const relayTuneMs = options.relayTuneMs ?? 3000
    if (options.relayPort !== undefined) {
      this.relay = new StreamServer({
        ...shared,
        port: options.relayPort,
        isRelay: true,
        tuneMs: relayTuneMs,
      })
    }
    this.web = new WebServer({ host, port: options.webPort, log, ledger: this.ledger, ...pages.handlers() })
  }

  async open(): Promise<void> {
    try {
      const webPort = await this.web.open()
      this.ports.stream = await this.stream.open()
      this.ports.relay = (await this.relay?.open()) ?? 0
      const host = this.host.includes(':') ? `[${this.host}]` : this.host
      this.webUrl = `http://${host}:${webPort}`
      this.streamUrl = `http://${host}:${this.ports.stream}`
      this.relayUrl = this.relay === undefined ? undefined : `http://${host}:${this.ports.relay}`
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  get requests(): LedgerState {
    return this.ledger.read()
  }

  resetRequests(): void {
    this.ledger.reset()
  }

  tuners(): TunerState[] {
    return this.tunerPool.list()
  }

  watch(ref: string | undefined): boolean {
    return this.household.watch(ref === undefined ? undefined : this.channel(ref))
  }

  record(ref: string): (() => void) | undefined {
    return this.household.record(this.channel(ref))
  }

  private channel(ref: string): Channel {
    const channel = this.byKey.get(referenceKey(ref))
    if (channel === undefined) throw new TypeError(`Expected a channel of the box but received ${ref}`)
    return channel
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.stop()
  }

  private async stop(): Promise<void> {
    await Promise.all([this.web.close(), this.stream.close(), this.relay?.close()])
    this.tunerPool.reset()
  }

  private reboot(ms: number): Promise<void> {
    this.rebooting ??= this.restart(ms).finally(() => {
      this.rebooting = undefined
    })
    return this.rebooting
  }

  private async restart(ms: number): Promise<void> {
    await this.stop()
    await delay(ms)
    if (this.isClosed) return
    this.household.resume()
    await this.open()
  }
}

// Copies have the kind of what they copy; the first of a kind is meant.
function isRecorded({ kind, ref }: Channel, kinds: readonly Kind[] = []): boolean {
  return kinds.some((one) => one === kind) && channels.some((channel) => channel.ref === ref)
}

function withGuide(station: Station | undefined, pages: Pages): Station | undefined {
  return station && { ...station, nowNext: pages.nowNext(station.channel) }
}

/** What can be streamed, by reference key. */
async function makeStations(options: DemoOptions, log: Logger): Promise<Map<string, Station>> {
  const library = new Library({ folder: join(options.dataDir, 'demo'), log, ffmpeg: options.ffmpeg })
  const stations = new Map<string, Station>()
  for (const channel of channels.filter(
    ({ kind }) => kind !== 'file' && (options.streams?.includes(kind) ?? true),
  )) {
    const path = await library.loop(channel.programme, channel.kind)
    const loop = once(() => Loop.read(path, channel.programme.loopTicks))
    stations.set(referenceKey(channel.ref), { channel, speed: 1, loop, nowNext: undefined })
  }
  for (const [index, file] of (options.files ?? []).entries()) {
    const station = await fileStation(file, index)
    stations.set(referenceKey(station.channel.ref), station)
  }
  const originals = [...stations.values()]
  for (let index = 0; originals.length > 0 && stations.size < (options.atLeast ?? 0); index++) {
    const original = originals[index % originals.length]
    if (original === undefined) break
    const channel = copyOf(original.channel, index)
    stations.set(referenceKey(channel.ref), { ...original, channel })
  }
  return stations
}

/** Eight copies share a transponder; their references are of a range that the lineup does not use. */
function copyOf(original: Channel, index: number): Channel {
  const serviceId = 0x8000 + index
  const transportId = 0x1000 + (index >> 3)
  const { serviceType } = original.programme
  const ref = reference({ serviceType, serviceId, transportId, networkId: 1, namespace: 0xc00000 })
  const name = `${original.name} ${index + 1}`
  const programme = { ...original.programme, serviceId, transportId, networkId: 1, name }
  return { ...original, name, ref, transponder: transponderOf(ref), programme }
}

/** A file's channel: its own transponder, a reference of a range that the lineup does not use. */
async function fileStation({ path, name, bitrate }: FileChannel, index: number): Promise<Station> {
  const ref = `1:0:19:${(0xf001 + index).toString(16).toUpperCase()}:${(0xf01 + index).toString(16).toUpperCase()}:1:C00000:0:0:0:`
  const loop = await Loop.read(path)
  const own = (loop.bytes.length * 8 * 90_000) / loop.durationTicks
  const programme = {
    serviceId: 0xf001 + index,
    transportId: 0xf01 + index,
    networkId: 1,
    serviceType: 0x19,
    name,
    provider: 'xg2g demo',
    pmtPid: 0x1fff,
    pcrPid: 0x1fff,
    loopTicks: loop.durationTicks,
    audio: [],
  }
  const channel: Channel = {
    kind: 'file',
    name,
    ref,
    isRadio: false,
    transponder: transponderOf(ref),
    programme,
  }
  return {
    channel,
    speed: bitrate === undefined ? 1 : bitrate / own,
    loop: () => Promise.resolve(loop),
    nowNext: undefined,
  }
}

/** The same promise for every call; forgotten when it fails. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}
