// How hls.js is set up, and how it is fetched before it is needed.
import type Hls from 'hls.js'
import type { HlsConfig } from 'hls.js'
import { authorization } from '../base/client.ts'

export type Library = typeof Hls

const longestWaitMs = 20_000 // for a channel that has to be tuned first
const worker = new URL('../lib/hls.worker.js', import.meta.url).href

let library: Promise<Library> | undefined

/** The library; fetched once. @throws TypeError where it cannot be fetched */
export function loadLibrary(): Promise<Library> {
  library ??= import('hls.js').then(
    ({ default: loaded }) => loaded,
    (error: unknown) => {
      library = undefined
      throw error
    },
  )
  return library
}

/** Fetches what the first channel will need, when there is nothing better to do. */
export function warmUp(): void {
  const begin = () => void Promise.all([loadLibrary(), fetch(worker)]).catch(() => undefined)
  if ('requestIdleCallback' in window) requestIdleCallback(begin, { timeout: 2000 })
  else setTimeout(begin, 500)
}

/** hls.js 1.7 takes a segment for whole, and comes to a stop behind it, where the playlist has told of its last part while the
 *  one before was still being taken in. What is not whole is to be marked so, between parsing it and having it. */
export function markPartial(hls: Hls, { Events }: Library): void {
  hls.on(Events.FRAG_PARSED, (_, { frag, part }) => {
    if (part === null) return
    const parts = hls.levels[frag.level]?.details?.partList ?? []
    const isPartial = parts.some(({ fragment, index }) => fragment.sn === frag.sn && index > part.index)
    for (const stream of Object.values(frag.elementaryStreams))
      if (stream !== null) stream.partial = isPartial
  })
}

/** Near the live edge, with a known number of tries, and our token. What is behind is left to the browser to drop: hls.js 1.7
 *  then and now forgets the parts of the segment under way with it, and puts them in once more at the wrong time. */
export function settings(): Partial<HlsConfig> {
  const retry = (maxNumRetry: number) => ({ maxNumRetry, retryDelayMs: 500, maxRetryDelayMs: 4000 })
  const policy = (maxNumRetry: number) => ({
    default: {
      maxTimeToFirstByteMs: longestWaitMs,
      maxLoadTimeMs: longestWaitMs,
      timeoutRetry: retry(1),
      errorRetry: retry(maxNumRetry),
    },
  })
  return {
    workerPath: worker,
    lowLatencyMode: true,
    // A part more than the playlist asks for, and no nearer by playing faster.
    liveSyncDuration: 0.8,
    maxLiveSyncPlaybackRate: 1,
    maxBufferLength: 12,
    maxMaxBufferLength: 30,
    liveDurationInfinity: true,
    startFragPrefetch: true,
    // The first variant is the broadcast as it is; a home network carries it.
    startLevel: 0,
    testBandwidth: false,
    abrEwmaDefaultEstimate: 40_000_000,
    manifestLoadPolicy: policy(4), // a tuner becomes free some seconds after its last viewer has left
    playlistLoadPolicy: policy(4),
    fragLoadPolicy: policy(4),
    xhrSetup(request) {
      for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value)
    },
  }
}
