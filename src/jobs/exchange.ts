// One posted stream: the request's body into an engine, the engine's output into the response, both at once.
// Main thread. Either side that stops moving ends it; what has been sent is then broken off, not ended.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { AppError, toAppError } from '../base/errors.ts'
import type { EngineStream } from '../stream/engine.ts'
import { streamHeaders, type SendEnd } from '../stream/viewing.ts'
import { receive, send } from './transfer.ts'

export interface ExchangeOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly idleMs?: number | undefined
}

const defaultIdleMs = 30_000

/** One request. run() is called once and gives the engine's stream back. */
export class Exchange {
  /** Has something been sent? */
  isStarted = false
  /** What ended it early. */
  problem: AppError | undefined
  readonly #stream: EngineStream
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #idleMs: number
  #end: SendEnd = 'complete'

  constructor(stream: EngineStream, { request, response, idleMs = defaultIdleMs }: ExchangeOptions) {
    this.#stream = stream
    this.#request = request
    this.#response = response
    this.#idleMs = idleMs
  }

  get bytesIn(): number {
    return this.#stream.input.total
  }

  get bytesSent(): number {
    return this.#stream.output.total
  }

  /** How it ended; complete also where a problem ended it. */
  get end(): SendEnd {
    return this.#end
  }

  /** Resolves when all has been sent. @throws NO_STREAM, CLIENT_TIMEOUT, WORKER_DIED ..., or what close() was told */
  async run(onStart: () => void): Promise<void> {
    const response = this.#response
    response.once('close', () => this.#leave())
    const watch = this.#watch()
    try {
      if (/100-continue/i.test(this.#request.headers.expect ?? '')) response.writeContinue()
      void this.#give()
      await this.#take(onStart)
      const report = await this.#stream.done
      if (this.problem !== undefined) throw this.problem
      if (!this.isStarted) {
        const found = report.stats?.problem || `nothing to send in ${report.bytesIn} bytes`
        throw new AppError('NO_STREAM', { found })
      }
      response.end()
    } catch (thrown) {
      throw (this.problem ??= toAppError(thrown)) // what came of the first is no news
    } finally {
      clearInterval(watch)
      this.#stream.close()
    }
  }

  /** Ends it, for this reason. Does nothing after the first. */
  close(reason: AppError): void {
    this.problem ??= reason
    this.#stream.close()
    if (this.isStarted) this.#response.destroy()
  }

  async #give(): Promise<void> {
    const { input } = this.#stream
    try {
      if (await receive(this.#request, input)) input.close('end')
    } catch {
      this.#leave() // in mid-body
    }
  }

  async #take(onStart: () => void): Promise<void> {
    const { output } = this.#stream
    while (output.fill === 0 && !output.isDrained) await output.whenReadable()
    if (output.isDrained || this.#response.destroyed) return
    this.isStarted = true
    onStart()
    this.#response.writeHead(200, streamHeaders) // in chunks: the last one tells that nothing is missing
    await send(output, this.#response)
  }

  // A response that is over closes its socket too.
  #leave(): void {
    if (this.#response.writableFinished || this.problem !== undefined) return
    this.#end = 'left'
    this.close(new AppError('UPSTREAM_ENDED', { reason: 'the client left' }))
  }

  // Neither a body that stalls nor a client that does not read keeps its place. In quarters of the limit.
  #watch(): NodeJS.Timeout {
    let seen = -1
    let quiet = 0
    return setInterval(() => {
      const moved = this.bytesIn + this.bytesSent
      quiet = moved === seen ? quiet + 1 : 0
      seen = moved
      if (quiet < 4) return
      const mayRead = this.#stream.output.fill > 0
      if (mayRead) this.#end = 'stalled'
      const what = mayRead ? 'took nothing' : 'sent nothing'
      this.close(new AppError('CLIENT_TIMEOUT', { what, afterMs: this.#idleMs }))
    }, this.#idleMs / 4)
  }
}
