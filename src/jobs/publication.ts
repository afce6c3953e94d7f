// A stream that a local program sends, as a channel: there for as long as the program's connection is.
import { AppError } from '../base/errors.ts'
import type { Connection, Service, Way } from '../stream/service.ts'
import type { Sink } from '../stream/splitter.ts'
import type { Inflow } from './inflow.ts'
import type { PublishOrder } from './order.ts'

/** A published channel, as lists show it. */
export interface PublishedChannel {
  /** The same for the same name, so that players find it again. */
  readonly id: string
  readonly number: number
  readonly name: string
  readonly isRadio: boolean
}

export class Publication implements Service {
  readonly channel: PublishedChannel
  readonly sources = 1
  readonly #inflow: Inflow
  readonly #program: number
  #connection: PublicationConnection | undefined

  /** @param inflow  what is published; nobody else may take from it */
  constructor(channel: PublishedChannel, { program }: PublishOrder, inflow: Inflow) {
    this.channel = channel
    this.#program = program
    this.#inflow = inflow
    inflow.discard() // a live source waits for nobody
    void inflow.ended.then(() => this.#connection?.end())
  }

  get name(): string {
    return this.channel.name
  }

  get key(): string {
    return `published:${this.channel.id}`
  }

  /** @throws UPSTREAM_ENDED if the program has ended its stream */
  seek(): Promise<Way> {
    if (this.#inflow.hasEnded)
      return Promise.reject(new AppError('UPSTREAM_ENDED', { reason: `${this.name} is published no more` }))
    return Promise.resolve({
      program: this.#program,
      connect: (sink) => this.#connect(sink),
      worked: nothing,
      failed: nothing,
      linger: nothing,
      resume: nothing,
      close: nothing,
    })
  }

  #connect(sink: Sink): Connection {
    this.#connection?.close()
    return (this.#connection = new PublicationConnection(this.#inflow, sink))
  }
}

/** What comes of a published stream while somebody watches it. */
class PublicationConnection implements Connection {
  readonly done: Promise<void>
  readonly gone: Promise<void>
  isComplete = false
  readonly #sink: Sink
  readonly #inflow: Inflow
  readonly #done = Promise.withResolvers<undefined>()
  readonly #startedAt = performance.now()
  #isClosed = false

  constructor(inflow: Inflow, sink: Sink) {
    this.#inflow = inflow
    this.#sink = sink
    this.done = this.gone = this.#done.promise
    inflow.into(sink)
    if (inflow.hasEnded) this.end()
  }

  get bytes(): number {
    return this.#sink.total
  }

  get bitrate(): number {
    const seconds = Math.max(1, performance.now() - this.#startedAt) / 1000
    return (this.bytes * 8) / seconds
  }

  /** The program has sent all. */
  end(): void {
    this.isComplete = true
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#inflow.discard()
    this.#sink.close('end')
    this.#done.resolve(undefined)
  }
}

function nothing(): void {
  // no tuner is held
}
