// What people do at the box itself: watch television and record. Both take tuners, as streams do.
import type { Channel } from './channels.ts'
import type { Lease, Tuners } from './tuners.ts'

interface Recording {
  readonly channel: Channel
  lease: Lease | undefined
}

export class Household {
  private readonly tuners: Tuners
  private watched: Recording | undefined
  private recorded: Recording[] = []

  constructor(tuners: Tuners) {
    this.tuners = tuners
  }

  /** What the living room watches; undefined in standby. */
  get tv(): Channel | undefined {
    return this.watched?.channel
  }

  get recordings(): readonly Channel[] {
    return this.recorded.map(({ channel }) => channel)
  }

  /** Turns the television on, to another channel, or off. False, and nothing changes, if no tuner is free. */
  watch(channel: Channel | undefined): boolean {
    this.watched?.lease?.release()
    const lease = channel && this.tuners.lease(channel.transponder, channel.name, 'tv')
    if (channel !== undefined && lease === undefined) {
      if (this.watched !== undefined) this.watched = this.taken(this.watched.channel, 'tv')
      return false
    }
    this.watched = channel && { channel, lease }
    return true
  }

  /** Begins to record. @returns ends it; undefined if no tuner is free */
  record(channel: Channel): (() => void) | undefined {
    const recording = this.taken(channel, 'recording')
    if (recording.lease === undefined) return undefined
    this.recorded.push(recording)
    return () => {
      recording.lease?.release()
      this.recorded = this.recorded.filter((other) => other !== recording)
    }
  }

  /** Takes its tuners again after the box has restarted. */
  resume(): void {
    if (this.watched !== undefined) this.watched = this.taken(this.watched.channel, 'tv')
    for (const recording of this.recorded) recording.lease = this.taken(recording.channel, 'recording').lease
  }

  private taken(channel: Channel, purpose: 'tv' | 'recording'): Recording {
    return { channel, lease: this.tuners.lease(channel.transponder, channel.name, purpose) }
  }
}
