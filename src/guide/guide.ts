// What the rest of the house sees of channels and programmes. Everything is answered from memory or the
// store; only refreshing and picons ask the receiver, and never two things at once.
import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'

/** One channel of the lineup. */
export interface Channel {
  /** The same in playlist, XMLTV, API and addresses, for ever: `1-0-19-132F-3EF-1-C00000.enigma2`. */
  readonly id: string
  /** What viewers call it; kept when the receiver's lists change. */
  readonly number: number
  readonly name: string
  /** The service reference to play, without the name. */
  readonly ref: string
  /** Bouquets that hold it, in their order. */
  readonly groups: readonly string[]
  readonly isRadio: boolean
  readonly isHd: boolean
  /** Where to fetch an IPTV entry; undefined for what the receiver itself sends. */
  readonly url?: string | undefined
  /** Its path on the proxy port, where no service reference leads to it; `ref` is empty then. */
  readonly path?: string | undefined
  /** May there be a picon? False once it is known that there is none. */
  readonly picon: boolean
}

/** Season and episode, counted from 1; `total` is how many episodes there are. */
export interface Episode {
  readonly season?: number | undefined
  readonly number?: number | undefined
  readonly total?: number | undefined
}

export interface Programme {
  readonly channelId: string
  /** The broadcaster's event id. */
  readonly id: number | undefined
  /** Unix seconds; programmes of a channel never overlap. */
  readonly start: number
  readonly stop: number
  readonly title: string
  readonly subtitle?: string | undefined
  readonly description?: string | undefined
  /** English words that Kodi and Plex know. */
  readonly categories: readonly string[]
  readonly episode?: Episode | undefined
}

export interface NowNext {
  readonly now?: Programme | undefined
  readonly next?: Programme | undefined
}

export interface ChannelFilter {
  readonly group?: string | undefined
  readonly isRadio?: boolean | undefined
}

export interface SearchOptions {
  /** Default 100, at most 1000. */
  readonly limit?: number
  /** Unix seconds: only what ends later. Default now. */
  readonly from?: number
}

/** Which playlist a client wants; ids and numbers are the same in all of them. */
export interface PlaylistVariant extends ChannelFilter {
  readonly format?: 'ts' | 'hls' | undefined
  /** Handed on to the stream address, as the proxy's query knows it. */
  readonly audio?: string | undefined
}

export interface PlaylistOptions {
  /** Where our API port is for this client, such as `http://192.168.1.5:8080`; no slash at the end. */
  readonly baseUrl: string
  /** The same for the proxy port. */
  readonly streamBaseUrl: string
  readonly xmltvUrl: string
  /** What players are to bring along where they fetch HLS; the proxy port asks for none. */
  readonly token?: string | undefined
  readonly variant?: PlaylistVariant
}

/** One version of the XMLTV document. */
export interface XmltvDocument {
  /** Quoted, as the header has it. */
  readonly etag: string
  readonly lastModified: Date
  /** A stream of the document; whoever opens it reads it to its end or destroys it. */
  open(encoding: 'gzip' | 'identity'): Readable
}

export interface Picon {
  readonly type: 'image/png' | 'image/jpeg' | 'image/svg+xml'
  readonly bytes: Uint8Array
  readonly etag: string
}

export type RefreshKind = 'channels' | 'guide' | 'all'
export type RefreshStage = 'channels' | 'now' | 'guide' | 'xmltv'

/** A refresh under way. Nobody has to wait for it; its result is in the status. */
export interface RefreshJob {
  readonly kind: RefreshKind
  readonly startedAt: Date
  /** Resolves when it has ended, also when it failed. */
  readonly done: Promise<RefreshResult>
}

export interface RefreshResult {
  readonly isComplete: boolean
  readonly channels: number
  /** Channels whose programmes were fetched. */
  readonly fetched: number
  readonly failed: number
  readonly durationMs: number
  /** Code of the table of errors, of what ended it early. */
  readonly error?: string | undefined
}

export interface RefreshProgress {
  readonly stage: RefreshStage
  readonly done: number
  readonly total: number
}

export type ReceiverState = 'unknown' | 'ok' | 'unreachable' | 'slow' | 'refused' | 'broken'

export interface ReceiverAbout {
  readonly model: string
  readonly image: string
  readonly webif: string
  readonly tuners: number
}

export interface ReceiverStatus {
  readonly state: ReceiverState
  readonly isReachable: boolean
  readonly lastError?: { readonly code: string; readonly message: string; readonly at: Date } | undefined
  readonly lastAnswerAt?: Date | undefined
  readonly about?: ReceiverAbout | undefined
}

export interface GuideStatus {
  readonly receiver: ReceiverStatus
  readonly lineup: {
    readonly channels: number
    readonly loadedAt?: Date | undefined
    /** Configured bouquets that the receiver does not have, and what it has. */
    readonly missingBouquets: readonly string[]
    readonly availableBouquets: readonly string[]
  }
  readonly guide: {
    readonly programmes: number
    readonly channelsWithData: number
    /** Age of the channel that was fetched longest ago. */
    readonly oldestS?: number | undefined
    readonly nextRefresh?: Date | undefined
  }
  readonly refresh: {
    readonly isRunning: boolean
    readonly stage?: RefreshStage | undefined
    readonly done: number
    readonly total: number
    readonly last?: RefreshResult | undefined
  }
}

export interface GuideEvents {
  progress: [RefreshProgress]
  /** The lineup changed. */
  lineup: [{ readonly channels: number }]
  /** The receiver's state changed. */
  receiver: [ReceiverStatus]
  /** A refresh has ended. */
  refresh: [RefreshResult]
}

export interface Guide extends EventEmitter<GuideEvents> {
  channels(filter?: ChannelFilter): readonly Channel[]
  /** By id, number or service reference. */
  channel(idOrNumberOrRef: string): Channel | undefined
  groups(): readonly string[]
  /** What is on air at some time in `from` .. `to`, unix seconds. */
  programmes(channelId: string, from: number, to: number): Programme[]
  /** By channel id. @param at  unix seconds, default now */
  nowNext(at?: number): Map<string, NowNext>
  /** Words in title, subtitle or description, soonest first. */
  search(text: string, options?: SearchOptions): Programme[]
  playlist(options: PlaylistOptions): string
  /** The latest document; undefined until the first is built.
   *  @param baseUrl  for the addresses of picons */
  xmltv(baseUrl?: string): Promise<XmltvDocument | undefined>
  picon(channelId: string): Promise<Picon | undefined>
  /** Puts channels that are none of the receiver's behind the lineup, in place of those put there before.
   *  Nothing is kept of them, and the receiver is not asked for them. */
  invite(guests: readonly Channel[]): void
  /** Begins to ask the receiver.
   *  @throws REFRESH_RUNNING (409) with details.retryAfterS */
  refresh(kind: RefreshKind): RefreshJob
  status(): GuideStatus
  /** Why nothing can be served yet; empty once a lineup is there, also an old one. */
  isReady(): string[]
  close(): Promise<void>
}
