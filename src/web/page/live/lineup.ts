// The channels and what is on, kept up to date while somebody looks.
import type { Channel, NowNext } from '../base/answers.ts'
import { Refusal, type Client } from '../base/client.ts'
import { recall, remember } from '../base/memory.ts'
import { Topic } from '../base/topic.ts'

const lookAgainMs = 30_000
const retryMs = 5000

export interface Lineup {
  readonly channels: readonly Channel[]
  readonly groups: readonly string[]
}

export class Lineups {
  /** Undefined until there is one. */
  readonly lineup = new Topic<Lineup | undefined>(undefined)
  /** By channel id. */
  readonly onAir = new Topic<ReadonlyMap<string, NowNext>>(new Map())
  readonly favourites = new Topic<ReadonlySet<string>>(new Set(recall('favourites')))
  /** Why there is no lineup. */
  readonly problem = new Topic<Refusal | undefined>(undefined)
  readonly #client: Client
  #timer: number | undefined

  constructor(client: Client) {
    this.#client = client
    document.addEventListener('visibilitychange', () => this.#follow())
  }

  /** Asks for all of it. A failed request is repeated until it succeeds. */
  async load(): Promise<void> {
    try {
      const [lineup] = await Promise.all([this.#client.get<Lineup>('api/v1/channels'), this.#look()])
      this.problem.set(undefined)
      this.lineup.set(lineup)
      if (lineup.channels.length === 0) setTimeout(() => void this.load(), retryMs) // none yet
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.problem.set(error)
      if (error.status !== 401 && error.status !== 403) setTimeout(() => void this.load(), retryMs)
    }
    this.#follow()
  }

  channel(id: string | undefined): Channel | undefined {
    return this.lineup.value?.channels.find((channel) => channel.id === id)
  }

  toggleFavourite(id: string): void {
    const next = new Set(this.favourites.value)
    if (!next.delete(id)) next.add(id)
    remember('favourites', [...next])
    this.favourites.set(next)
  }

  #follow(): void {
    clearInterval(this.#timer)
    if (document.hidden || this.lineup.value === undefined) return
    this.#timer = window.setInterval(() => void this.#look().catch(() => undefined), lookAgainMs)
  }

  async #look(): Promise<void> {
    const { channels } = await this.#client.get<{ channels: NowNext[] }>('api/v1/epg')
    this.onAir.set(new Map(channels.map((each) => [each.channelId, each])))
  }
}
