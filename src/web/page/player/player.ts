// One channel in one video element: by hls.js where the browser has MediaSource, else by the browser itself.
import type Hls from 'hls.js'
import type { ErrorData } from 'hls.js'
import type { Channel } from '../base/answers.ts'
import { withToken } from '../base/client.ts'
import { recall, remember } from '../base/memory.ts'
import { Topic } from '../base/topic.ts'
import { codecsIn, isSound, missing } from './codecs.ts'
import { loadLibrary, markPartial, settings, type Library } from './engine.ts'
import { describeTracks, preferred, type Track } from './tracks.ts'
import { broken, refused, undecodable, type Trouble } from './trouble.ts'

export type Phase = 'idle' | 'starting' | 'playing' | 'paused' | 'waiting' | 'failed'

export interface Sound {
  readonly tracks: readonly Track[]
  readonly chosen: number
}

const hlsType = 'application/vnd.apple.mpegurl'
const mostRepairs = 4
const repairPauseMs = 1200 // before each further one, times its number
const goodAfterMs = 20_000 // without trouble all repairs may be used again
const looksAfterMs = 4000 // for a picture that does not come
const watchMs = 1000
const stillMs = { starting: 12_000, moving: 6000 } // until it begins again
const liveWithinS = 6 // of the live edge

export class Player {
  readonly video: HTMLVideoElement
  readonly channel = new Topic<Channel | undefined>(undefined)
  readonly phase = new Topic<Phase>('idle')
  readonly trouble = new Topic<Trouble | undefined>(undefined)
  readonly sound = new Topic<Sound>({ tracks: [], chosen: -1 })
  /** Did the browser want it silent until the viewer does something? */
  readonly isHushed = new Topic(false)
  /** Is there sound without a picture, where there should be one? */
  readonly isBlind = new Topic(false)
  #hls: Hls | undefined
  #codecs: string[] = []
  #repairs = 0
  #repairedAt = 0
  #lastAt = -1
  #movedAt = 0
  #turn = 0 // of calls of play(): a later one overtakes those that wait

  constructor(video: HTMLVideoElement) {
    this.video = video
    video.volume = recall('volume')
    video.muted = recall('isMuted')
    video.addEventListener('playing', () => this.#enter('playing'))
    video.addEventListener('waiting', () => this.#enter('waiting'))
    video.addEventListener('pause', () => this.#enter('paused'))
    video.addEventListener('volumechange', () => this.#keepVolume())
    video.addEventListener('error', () => this.#nativeError())
    video.addEventListener('timeupdate', () => this.#look())
    setInterval(() => this.#watch(), watchMs)
  }

  /** Begins with another channel, or again with the same one. */
  async play(channel: Channel): Promise<void> {
    const turn = ++this.#turn
    this.#release()
    this.channel.set(channel)
    this.phase.set('starting')
    this.#movedAt = performance.now()
    try {
      const library = await loadLibrary()
      if (turn !== this.#turn) return
      if (library.isSupported()) this.#attach(library, channel)
      else if (this.video.canPlayType(hlsType) !== '') this.video.src = withToken(addressOf(channel))
      else return this.#fail(undecodable([], true))
      await this.#start()
    } catch {
      if (turn === this.#turn) this.#fail(broken('a part of the page is missing: load it again'))
    }
  }

  /** The same channel once more. */
  retry(): void {
    const channel = this.channel.value
    this.#repairs = 0
    if (channel !== undefined) void this.play(channel)
  }

  stop(): void {
    this.#turn++
    this.#release()
    this.channel.set(undefined)
    this.phase.set('idle')
  }

  toggle(): void {
    if (this.phase.value === 'failed') this.retry()
    else if (this.video.paused) void this.resume()
    else this.video.pause()
  }

  /** Goes on, at the live edge. */
  async resume(): Promise<void> {
    this.goLive()
    await this.#start()
  }

  goLive(): void {
    const edge = this.#edge
    if (edge !== undefined && edge - this.video.currentTime > 1) this.video.currentTime = edge
  }

  /** Seconds behind what can be had; 0 near the live edge. */
  get lag(): number {
    const edge = this.#edge
    const lag = edge === undefined ? 0 : edge - this.video.currentTime
    return lag > liveWithinS ? lag : 0
  }

  chooseTrack(track: Track): void {
    if (this.#hls === undefined) return
    this.#hls.audioTrack = track.id
    remember('sound', track.key)
    this.sound.set({ ...this.sound.value, chosen: track.id })
  }

  unhush(): void {
    this.video.muted = false
    this.isHushed.set(false)
  }

  get #edge(): number | undefined {
    const position = this.#hls?.liveSyncPosition ?? undefined
    if (position !== undefined) return position
    const { seekable } = this.video
    return seekable.length === 0 ? undefined : seekable.end(seekable.length - 1) - 3
  }

  #attach(library: Library, channel: Channel): void {
    const { Events } = library
    const hls = new library(settings())
    this.#hls = hls
    markPartial(hls, library)
    hls.on(Events.MANIFEST_LOADED, (_, { networkDetails }) => {
      this.#codecs = codecsIn(textOf(networkDetails))
    })
    hls.on(Events.AUDIO_TRACKS_UPDATED, () => this.#showTracks(hls))
    hls.on(Events.AUDIO_TRACK_SWITCHED, (_, { id }) => this.sound.set({ ...this.sound.value, chosen: id }))
    hls.on(Events.ERROR, (_, data) => {
      if (data.fatal) this.#repair(hls, library, data)
    })
    hls.attachMedia(this.video)
    hls.loadSource(addressOf(channel))
  }

  async #start(): Promise<void> {
    try {
      await this.video.play()
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || this.video.muted) return
      this.video.muted = true // allowed before the viewer has done anything
      this.isHushed.set(true)
      await this.video.play().catch(() => this.phase.set('paused'))
    }
  }

  #showTracks(hls: Hls): void {
    const tracks = describeTracks(hls.audioTracks)
    const wanted = preferred(tracks, recall('sound'))
    if (wanted !== undefined && wanted.id !== hls.audioTrack) hls.audioTrack = wanted.id
    this.sound.set({ tracks, chosen: wanted?.id ?? hls.audioTrack })
  }

  // A fatal error is mended some times; what cannot be mended is said.
  #repair(hls: Hls, { ErrorTypes, ErrorDetails }: Library, data: ErrorData): void {
    const { type, details, response } = data
    if (details === ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR) return this.#cannotDecode()
    if (details === ErrorDetails.BUFFER_ADD_CODEC_ERROR) return this.#cannotDecode()
    const isManifest = details === ErrorDetails.MANIFEST_LOAD_ERROR
    if (isManifest) return this.#fail(refused(response?.code ?? 0, textOf(data.networkDetails)))
    if (performance.now() - this.#repairedAt > goodAfterMs) this.#repairs = 0
    this.#repairedAt = performance.now()
    if (++this.#repairs > mostRepairs) {
      const isNetwork = type === ErrorTypes.NETWORK_ERROR
      return this.#fail(
        isNetwork ? refused(response?.code ?? 0, textOf(data.networkDetails)) : broken(details),
      )
    }
    this.#enter('waiting')
    // Where not one picture could be decoded, the same ones would come to the same end.
    const hasPlayed = this.phase.value !== 'starting'
    if (type === ErrorTypes.MEDIA_ERROR && this.#repairs === 1 && hasPlayed) hls.recoverMediaError()
    else this.#beginAgain()
  }

  // A moment later there are other pictures to begin with, or the server is back. A decoder may refuse those after one
  // access point and not after the next: where groups of pictures are open, some tell of pictures before it.
  #beginAgain(): void {
    const turn = this.#turn
    const channel = this.channel.value
    this.#hls?.stopLoad()
    setTimeout(() => {
      if (turn === this.#turn && channel !== undefined) void this.play(channel)
    }, repairPauseMs * this.#repairs)
  }

  // Browsers stop at a hole now and then and say nothing.
  #watch(): void {
    const { currentTime } = this.video
    const phase = this.phase.value
    const isStill = currentTime === this.#lastAt && ['starting', 'playing', 'waiting'].includes(phase)
    this.#lastAt = currentTime
    if (!isStill || document.hidden) this.#movedAt = performance.now()
    const limitMs = phase === 'starting' ? stillMs.starting : stillMs.moving
    if (this.#hls === undefined || performance.now() - this.#movedAt < limitMs) return
    this.#movedAt = performance.now()
    if (performance.now() - this.#repairedAt > goodAfterMs) this.#repairs = 0
    this.#repairedAt = performance.now()
    if (++this.#repairs > mostRepairs) this.#fail(broken('nothing has come for a while'))
    else this.#beginAgain()
  }

  #cannotDecode(): void {
    const lacking = missing(this.#codecs, (type) => MediaSource.isTypeSupported(type))
    const pictures = lacking.filter((codec) => !isSound(codec))
    this.#fail(undecodable(pictures.length > 0 ? pictures : lacking, pictures.length > 0))
  }

  #nativeError(): void {
    if (this.#hls !== undefined || this.channel.value === undefined) return // hls.js tells of its own
    const { error } = this.video
    if (error?.code === MediaError.MEDIA_ERR_SRC_NOT_SUPPORTED) this.#fail(undecodable([], true))
    else this.#fail(broken(error?.message ?? 'no reason given'))
  }

  // Browsers play the sound of a picture that they cannot decode, and say nothing.
  #look(): void {
    const { video, channel } = this
    if (channel.value?.isRadio !== false || video.currentTime * 1000 < looksAfterMs) return
    const isBlind = video.videoWidth === 0
    if (isBlind !== this.isBlind.value) this.isBlind.set(isBlind)
  }

  #fail(trouble: Trouble): void {
    this.#release()
    this.trouble.set(trouble)
    this.phase.set('failed')
  }

  #enter(phase: Phase): void {
    const { value } = this.phase
    if (value === 'idle' || value === 'failed') return
    if (phase === 'waiting' && value !== 'playing') return
    if (phase === 'paused' && value === 'starting') return
    this.phase.set(phase)
  }

  #keepVolume(): void {
    if (!this.video.muted) this.isHushed.set(false)
    if (this.isHushed.value) return
    remember('volume', this.video.volume)
    remember('isMuted', this.video.muted)
  }

  #release(): void {
    this.#hls?.destroy()
    this.#hls = undefined
    this.#codecs = []
    if (this.video.hasAttribute('src')) {
      this.video.removeAttribute('src')
      this.video.load()
    }
    this.trouble.set(undefined)
    this.isBlind.set(false)
    this.sound.set({ tracks: [], chosen: -1 })
  }
}

export function addressOf({ id }: Channel): string {
  return `hls/${encodeURIComponent(id)}/index.m3u8`
}

// hls.js gives the request itself, of one kind or another.
function textOf(details: unknown): string {
  return details instanceof XMLHttpRequest && typeof details.response === 'string' ? details.response : ''
}
