// A packager whose records are made up, and a house of HLS around it on a port of its own.
import { createServer, type Server } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMetrics, type Metrics } from '../../src/base/metrics.ts'
import type { Archives } from '../../src/hls/archive.ts'
import { Door } from '../../src/hls/door.ts'
import { LoreBook } from '../../src/hls/lore.ts'
import { Sessions, type SessionsOptions } from '../../src/hls/sessions.ts'
import type { Cursor } from '../../src/stream/cursor.ts'
import type { Seat } from '../../src/stream/feeds.ts'
import type { Service } from '../../src/stream/service.ts'
import type { PackagedRecord, PackageOptions, Packaging } from '../../src/workers/packaging.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'
import { createRing, RingWriter } from '../../src/workers/ring.ts'

export const channel = '1-0-19-132F-3EF-1-C00000.enigma2'

export class FakePackaging implements Packaging {
  readonly options: PackageOptions
  readonly input = new RingWriter(createRing(64 * 1024))
  readonly #done = Promise.withResolvers<undefined>()
  readonly done = this.#done.promise
  #records: PackagedRecord[] = []
  #wake = Promise.withResolvers<undefined>()
  isClosed = false

  constructor(options: PackageOptions) {
    this.options = options
    this.done.catch(() => undefined)
  }

  give(...records: PackagedRecord[]): void {
    this.#records.push(...records)
    this.#wake.resolve(undefined)
  }

  fail(error: Error): void {
    this.#done.reject(error)
    this.#wake.resolve(undefined)
  }

  records(): PackagedRecord[] {
    this.#wake = Promise.withResolvers()
    return this.#records.splice(0)
  }

  async whenReadable(): Promise<void> {
    if (this.#records.length === 0) await this.#wake.promise
  }

  close(): void {
    this.isClosed = true
    this.input.close('cancel')
    this.#done.resolve(undefined)
    this.#wake.resolve(undefined)
  }
}

/** A feed that nothing comes from; it can be told to end. */
class FakeFeeds {
  readonly joined: { service: Service; profile: Profile }[] = []
  readonly left: Seat[] = []
  readonly seats: Seat[] = []
  readonly clients = 0
  readonly bufferedBytes = 0
  /** What joining throws. */
  refusal: Error | undefined
  /** Its streams have nothing more. */
  isDone = false

  async join(service: Service, profile: Profile): Promise<Seat> {
    this.joined.push({ service, profile })
    if (this.refusal !== undefined) throw this.refusal
    const leave = () => void (this.isDone = true)
    const isDone = () => this.isDone
    const cursor: Partial<Cursor> = {
      next: () => undefined,
      get isDone() {
        return isDone()
      },
      error: undefined,
      leave,
    }
    const rendition = { ready: Promise.resolve(undefined) }
    const seat = { id: `seat-${this.joined.length}`, cursor, rendition } as unknown as Seat
    this.seats.push(seat)
    return seat
  }

  leave(seat: Seat): void {
    this.left.push(seat)
  }
}

export interface HlsHouse {
  readonly port: number
  readonly feeds: FakeFeeds
  readonly sessions: Sessions
  readonly lore: LoreBook
  readonly metrics: Metrics
  readonly packagings: FakePackaging[]
  readonly folder: string
  /** The path follows /hls/<channel>/. */
  ask(path: string, init?: RequestInit): Promise<Response>
  text(path: string): Promise<string>
  close(): Promise<void>
}

const service = { name: 'Das Erste', key: 'one', sources: 1 } as Service

export async function openHouse({
  archives,
  isCurious = false,
  ...options
}: Partial<Omit<SessionsOptions, 'limits' | 'archives'>> & {
  /** Made in a folder that is removed at the end. */
  archives?: (folder: string) => Archives
  /** Does it look which sounds the broadcasts themselves have? */
  isCurious?: boolean
  limits?: Partial<SessionsOptions['limits']>
} = {}): Promise<HlsHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-hls-'))
  const feeds = new FakeFeeds()
  const packagings: FakePackaging[] = []
  const lore = new LoreBook(join(folder, 'hls.json'))
  const metrics = createMetrics()
  if (!isCurious) for (const each of [channel, '1-other']) lore.note(each, { original: [] })
  const sessions = new Sessions({
    feeds,
    lore,
    metrics,
    pack: (asked) => {
      const packaging = new FakePackaging(asked)
      packagings.push(packaging)
      return packaging
    },
    profile: defaultProfile,
    slotMs: 2000,
    partMs: 200,
    listedMs: 30_000,
    archives: archives?.(folder),
    ...options,
    limits: {
      mostSessions: 4,
      mostClients: 100,
      mostBufferedBytes: 1e9,
      lingerMs: 30_000,
      ...options.limits,
    },
  })
  const find = (id: string) => (id.startsWith('1-') ? { ...service, key: id } : undefined)
  const door = new Door({ find, sessions, lore, metrics })
  const server = await listen(door)
  const { port } = server.address() as AddressInfo
  const ask = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}/hls/${channel}/${path}`, init)
  return {
    port,
    feeds,
    sessions,
    lore,
    metrics,
    packagings,
    folder,
    ask,
    text: async (path) => await (await ask(path)).text(),
    async close() {
      await sessions.close()
      await lore.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function listen(door: Door): Promise<Server> {
  const server = createServer((request, response) => {
    const url = (request.url ?? '').slice('/hls/'.length)
    const address = String(request.headers['x-client'] ?? '127.0.0.1')
    void door.answer(request, response, { url, address })
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
