// A transcoder behind HTTP: one POST for each stream, with frames in both bodies at the same time. Main thread.
import { once } from 'node:events'
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http'
import { AppError } from '../base/errors.ts'
import { formatTraceparent } from '../base/trace.ts'
import type { Profile } from '../workers/profile.ts'
import { framesType, mostTextBytes, parseRefusal } from './frames.ts'
import { refused, until, type Door, type DoorOptions, type Line, type RemoteJob } from './line.ts'

const lastMs = 1000 // for an answer to end behind its last frame

export class PostDoor implements Door {
  readonly #base: string
  readonly #agent: Agent

  /** @param base  http://host:port */
  constructor(base: string, { mostIdle, idleMs }: DoorOptions) {
    this.#base = base
    // The time-out ends connections that wait; those in use have a sign of life more often.
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: mostIdle, timeout: idleMs })
  }

  async open({ profile, label, weight, trace }: RemoteJob, signal: AbortSignal): Promise<Line> {
    const headers = {
      'Content-Type': framesType,
      Traceparent: formatTraceparent(trace),
      'X-Xg2g-Label': encodeURIComponent(label),
      ...(weight !== undefined && { 'X-Xg2g-Weight': String(weight) }),
    }
    for (;;) {
      const post = request(`${this.#base}/audio-remux?${queryOf(profile).toString()}`, {
        method: 'POST',
        agent: this.#agent,
        headers,
      })
      post.flushHeaders() // the body waits until it has been taken
      try {
        const answer = await answerOf(post, signal)
        return await until(
          signal,
          (reason) => post.destroy(reason),
          () => begin(post, answer),
        )
      } catch (error) {
        const isStale = post.reusedSocket && !(error instanceof AppError) && !signal.aborted
        post.destroy()
        if (!isStale) throw error
        this.#dropIdle() // those beside it are as old
      }
    }
  }

  async probe(signal: AbortSignal): Promise<void> {
    const get = request(`${this.#base}/healthz`, { agent: this.#agent })
    get.end()
    const answer = await answerOf(get, signal)
    answer.resume()
    if (answer.statusCode !== 200) throw new Error(`/healthz answers ${answer.statusCode ?? 0}`)
  }

  close(): void {
    this.#agent.destroy()
  }

  #dropIdle(): void {
    for (const sockets of Object.values(this.#agent.freeSockets))
      for (const socket of sockets ?? []) socket.destroy()
  }
}

async function answerOf(asked: ClientRequest, signal: AbortSignal): Promise<IncomingMessage> {
  asked.on('error', () => undefined) // also later: whoever reads the answer is told
  const [answer] = (await until(
    signal,
    (reason) => asked.destroy(reason),
    () => once(asked, 'response'),
  )) as [IncomingMessage]
  answer.on('error', () => undefined)
  return answer
}

async function begin(post: ClientRequest, answer: IncomingMessage): Promise<Line> {
  const { statusCode = 0, headers } = answer
  if (statusCode !== 200) {
    post.end()
    const refusal = parseRefusal(await textOf(answer))
    throw refused(refusal ?? { code: String(statusCode), message: 'without a reason' })
  }
  if (headers['content-type'] !== framesType)
    throw refused({ code: '200', message: `but answers ${headers['content-type'] ?? 'nothing'}` })
  return {
    source: answer,
    sink: post,
    free: () => {
      const timer = setTimeout(() => post.destroy(), lastMs).unref()
      answer.once('close', () => clearTimeout(timer)).resume()
      post.end()
    },
    drop: (reason) => {
      answer.destroy(reason)
      post.destroy(reason)
    },
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    pieces.push(piece)
    if ((bytes += piece.length) > mostTextBytes) break
  }
  return Buffer.concat(pieces).toString()
}

function queryOf({ language, ...profile }: Profile): URLSearchParams {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(profile)) query.set(key, String(value))
  if (language.length > 0) query.set('language', language.join(','))
  return query
}
