// What the server tells by itself. Listens only while somebody looks at the page.
import { withToken } from './client.ts'
import { Topic } from './topic.ts'
import type { Refresh, Status } from './answers.ts'

const address = 'api/v1/events'
const shortestPauseMs = 2000
const longestPauseMs = 60_000
const names = ['status', 'progress', 'refresh', 'lineup', 'receiver', 'config'] as const

export type Progress = Pick<Refresh, 'stage' | 'done' | 'total'>
export type NewsName = (typeof names)[number]
export interface Item {
  readonly name: NewsName
  readonly data: unknown
}

export class News {
  /** The latest item. */
  readonly items = new Topic<Item | undefined>(undefined)
  readonly isConnected = new Topic(false)
  #source: EventSource | undefined
  #pauseMs = shortestPauseMs
  #timer: number | undefined

  constructor() {
    document.addEventListener('visibilitychange', () => this.#follow())
  }

  /** Begins to listen, once the API has answered: with its token, if it wants one. */
  open(): void {
    if (this.#source === undefined && !document.hidden) this.#connect()
  }

  onStatus(listener: (status: Status) => void): void {
    this.#on('status', (data) => listener(data as Status))
  }

  onProgress(listener: (progress: Progress) => void): void {
    this.#on('progress', (data) => listener(data as Progress))
  }

  /** Calls back whenever something with this name has happened. */
  on(name: Exclude<NewsName, 'status' | 'progress'>, listener: () => void): void {
    this.#on(name, listener)
  }

  #on(name: NewsName, listener: (data: unknown) => void): void {
    this.items.watch((item) => {
      if (item?.name === name) listener(item.data)
    })
  }

  #follow(): void {
    if (document.hidden) this.#close()
    else this.open()
  }

  #connect(): void {
    const source = new EventSource(withToken(address))
    this.#source = source
    source.addEventListener('open', () => {
      this.#pauseMs = shortestPauseMs
      this.isConnected.set(true)
    })
    source.addEventListener('error', () => {
      this.isConnected.set(false)
      if (source.readyState !== EventSource.CLOSED) return // it tries again by itself
      this.#close()
      this.#timer = window.setTimeout(() => this.open(), this.#pauseMs)
      this.#pauseMs = Math.min(longestPauseMs, this.#pauseMs * 2)
    })
    for (const name of names) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) =>
        this.items.set({ name, data: JSON.parse(data) }),
      )
    }
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = undefined
  }
}
