// What clients did to the demo receiver, counted, so that tests can tell a considerate client from one that
// would bring a real box to its knees.

/** Opening again sooner than this after a close has crashed boxes. */
const restMs = 500
/** A stream that its client leaves within this much programme was a probe. */
const probeMs = 500
const epgPages = /^(epg|getallservices)/

export interface LedgerState {
  /** Requests to the web side by page name, `/web/` and `/api/` together. */
  web: Record<string, number>
  /** The most web requests that were under way at once. */
  webAtOnce: number
  /** EPG requests that came while another was being answered. */
  epgOverlaps: number
  /** Requests that would have changed what the living room sees, or the power state. */
  zaps: number
  /** Streams asked for, by service reference key. */
  streams: Record<string, number>
  /** Streams that are being sent now. */
  streamsNow: number
  /** Streams refused for want of a tuner, an unknown service or a fault. */
  streamsRefused: number
  /** Streams opened less than 500 ms after one was closed. */
  quickReopens: number
  /** Streams that their client closed after less than 500 ms of programme. */
  probes: number
  /** HEAD requests to the stream port, and others that are not GET. */
  headRequests: number
  otherRequests: number
  /** Streams cut off because the client did not read. */
  cutOff: number
  /** Requests with missing or wrong credentials, web and stream. */
  unauthorised: number
}

export class Ledger {
  private state = emptyState()
  private webNow = 0
  private epgNow = 0
  private closedAt = -Infinity

  /** A copy of the counts. */
  read(): LedgerState {
    return structuredClone(this.state)
  }

  /** Everything back to zero but what is under way. */
  reset(): void {
    this.state = { ...emptyState(), streamsNow: this.state.streamsNow }
  }

  /** A web request began. @returns to be called when it is answered */
  web(page: string): () => void {
    const { state } = this
    state.web[page] = (state.web[page] ?? 0) + 1
    this.webNow++
    state.webAtOnce = Math.max(state.webAtOnce, this.webNow)
    const isEpg = epgPages.test(page)
    if (isEpg && this.epgNow > 0) state.epgOverlaps++
    if (isEpg) this.epgNow++
    return () => {
      this.webNow--
      if (isEpg) this.epgNow--
    }
  }

  zap(): void {
    this.state.zaps++
  }

  unauthorised(): void {
    this.state.unauthorised++
  }

  /** A request to the stream port that is no GET. */
  odd(method: string): void {
    if (method === 'HEAD') this.state.headRequests++
    else this.state.otherRequests++
  }

  asked(ref: string): void {
    this.state.streams[ref] = (this.state.streams[ref] ?? 0) + 1
    if (performance.now() - this.closedAt < restMs) this.state.quickReopens++
  }

  refused(): void {
    this.state.streamsRefused++
  }

  opened(): void {
    this.state.streamsNow++
  }

  /** @param programmeMs  how much of the programme was sent
   *  @param isLeft  the client left, not the receiver */
  closed(programmeMs: number, isLeft: boolean): void {
    this.closedAt = performance.now()
    this.state.streamsNow--
    if (isLeft && programmeMs < probeMs) this.state.probes++
  }

  cutOff(): void {
    this.state.cutOff++
  }
}

function emptyState(): LedgerState {
  return {
    web: {},
    webAtOnce: 0,
    epgOverlaps: 0,
    zaps: 0,
    streams: {},
    streamsNow: 0,
    streamsRefused: 0,
    quickReopens: 0,
    probes: 0,
    headRequests: 0,
    otherRequests: 0,
    cutOff: 0,
    unauthorised: 0,
  }
}
