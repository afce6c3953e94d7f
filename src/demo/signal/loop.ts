// A transport stream file that is played in a circle. Everything that must change from one round to the next
// (clocks, continuity counters) is found once; rendering is a copy and a walk over those places.
import { readFile } from 'node:fs/promises'
import {
  hasPayload,
  nullPid,
  packetSize,
  payloadAt,
  pcrAt,
  pidAt,
  readPcrBase,
  readStamp,
  stampsAt,
  startsUnit,
  syncByte,
  wrapped,
  wrapTicks,
  writePcrBase,
  writeStamp,
} from './packet.ts'

export class Loop {
  readonly bytes: Buffer
  readonly packets: number
  /** Length of a round, 90 kHz. */
  readonly durationTicks: number
  /** Places of clocks: byte offset, what it is (`isPcr`), and the value there. */
  private readonly clocks: { at: Uint32Array; isPcr: Uint8Array; ticks: Float64Array }
  /** Index of the first clock at or behind each packet; one more entry than packets. */
  private readonly firstClock: Uint32Array
  /** For each packet the index of its PID in `counts`. */
  private readonly pidIndex: Uint16Array
  /** Payload packets per PID and round: how far its continuity counter goes. */
  private readonly counts: number[] = []
  private readonly pids = new Map<number, number>()
  /** Packets that carry nothing, in order. */
  readonly nulls: Uint32Array

  /** @param durationTicks  measured from the stream's own clock unless given
   *  @throws RangeError for bytes that are no packets of 188 bytes, or that have no clock to measure */
  constructor(bytes: Buffer, durationTicks?: number) {
    this.packets = Math.floor(bytes.length / packetSize)
    this.bytes = bytes.subarray(0, this.packets * packetSize)
    this.firstClock = new Uint32Array(this.packets + 1)
    this.pidIndex = new Uint16Array(this.packets)
    const found: Clock[] = []
    const nulls: number[] = []
    for (let packet = 0; packet < this.packets; packet++) {
      const at = packet * packetSize
      if (this.bytes.readUInt8(at) !== syncByte) throw new RangeError(`no transport packet at byte ${at}`)
      this.firstClock[packet] = found.length
      const pid = pidAt(this.bytes, at)
      if (pid === nullPid) nulls.push(packet)
      const index = this.indexOf(pid)
      this.pidIndex[packet] = index
      if (hasPayload(this.bytes, at) && pid !== nullPid) this.counts[index] = (this.counts[index] ?? 0) + 1
      collectClocks(this.bytes, at, pid, found)
    }
    this.firstClock[this.packets] = found.length
    this.nulls = Uint32Array.from(nulls)
    this.clocks = {
      at: Uint32Array.from(found, ({ at }) => at),
      isPcr: Uint8Array.from(found, ({ isPcr }) => (isPcr ? 1 : 0)),
      ticks: Float64Array.from(found, ({ ticks }) => ticks),
    }
    this.durationTicks = durationTicks ?? measure(found, this.packets)
  }

  static async read(path: string, durationTicks?: number): Promise<Loop> {
    return new Loop(await readFile(path), durationTicks)
  }

  /** Does the loop carry this PID? */
  has(pid: number): boolean {
    return this.pids.has(pid)
  }

  /** Packet that leaves at `ticks` of the loop's endless timeline; counts on through all rounds. */
  packetAt(ticks: number): number {
    const round = Math.floor(ticks / this.durationTicks)
    const rest = ticks - round * this.durationTicks
    return round * this.packets + Math.floor((rest * this.packets) / this.durationTicks)
  }

  /** When a packet of the endless timeline leaves. */
  ticksAt(position: number): number {
    const round = Math.floor(position / this.packets)
    return (
      round * this.durationTicks + ((position - round * this.packets) * this.durationTicks) / this.packets
    )
  }

  /** How many packets of a PID with payload are in front of `position`, mod 16. */
  counterAt(position: number, pid: number): number {
    const round = Math.floor(position / this.packets)
    const end = position - round * this.packets
    const index = this.pids.get(pid)
    if (index === undefined) return 0
    for (let packet = end; packet < this.packets; packet++) {
      if (this.pidIndex[packet] === index)
        return (this.bytes.readUInt8(packet * packetSize + 3) + this.turn(index, round)) & 0x0f
    }
    return this.counterAt((round + 1) * this.packets, pid)
  }

  /** Renders packets of the endless timeline.
   *  @param position  the first packet, counted on through all rounds
   *  @param offset    ticks added to every clock */
  render(position: number, count: number, offset: number): Buffer {
    const out = Buffer.allocUnsafe(count * packetSize)
    let done = 0
    while (done < count) {
      const round = Math.floor((position + done) / this.packets)
      const from = position + done - round * this.packets
      const run = Math.min(count - done, this.packets - from)
      this.renderRun(out.subarray(done * packetSize, (done + run) * packetSize), from, { round, run, offset })
      done += run
    }
    return out
  }

  private renderRun(
    out: Buffer,
    from: number,
    { round, run, offset }: { round: number; run: number; offset: number },
  ): void {
    const begin = from * packetSize
    this.bytes.copy(out, 0, begin, begin + run * packetSize)
    const turns = this.counts.map((_, index) => this.turn(index, round))
    if (turns.some((turn) => turn !== 0)) {
      for (let packet = 0; packet < run; packet++) {
        const at = packet * packetSize + 3
        const control = out[at] ?? 0
        out[at] = (control & 0xf0) | ((control + (turns[this.pidIndex[from + packet] ?? 0] ?? 0)) & 0x0f)
      }
    }
    const { at, isPcr, ticks } = this.clocks
    const shift = round * this.durationTicks + offset
    const last = this.firstClock[from + run] ?? 0
    for (let clock = this.firstClock[from] ?? 0; clock < last; clock++) {
      const value = wrapped((ticks[clock] ?? 0) + shift)
      if (isPcr[clock] === 1) writePcrBase(out, (at[clock] ?? 0) - begin, value)
      else writeStamp(out, (at[clock] ?? 0) - begin, value)
    }
  }

  private turn(index: number, round: number): number {
    return ((this.counts[index] ?? 0) * (round % 16)) & 0x0f
  }

  private indexOf(pid: number): number {
    const known = this.pids.get(pid)
    if (known !== undefined) return known
    const index = this.counts.push(0) - 1
    this.pids.set(pid, index)
    return index
  }
}

interface Clock {
  readonly at: number
  readonly pid: number
  readonly isPcr: boolean
  readonly isDts: boolean
  readonly ticks: number
}

function collectClocks(bytes: Buffer, at: number, pid: number, found: Clock[]): void {
  const pcr = pcrAt(bytes, at)
  if (pcr >= 0) found.push({ at: pcr, pid, isPcr: true, isDts: false, ticks: readPcrBase(bytes, pcr) })
  if (!startsUnit(bytes, at) || !hasPayload(bytes, at)) return
  const { pts, dts } = stampsAt(bytes, payloadAt(bytes, at), at + packetSize)
  if (pts >= 0) found.push({ at: pts, pid, isPcr: false, isDts: dts < 0, ticks: readStamp(bytes, pts) })
  if (dts >= 0) found.push({ at: dts, pid, isPcr: false, isDts: true, ticks: readStamp(bytes, dts) })
}

/** The length of a stream that was not made here: its busiest PID's decoding times, and one frame more. */
function measure(clocks: readonly Clock[], packets: number): number {
  const byPid = Map.groupBy(
    clocks.filter(({ isDts }) => isDts),
    ({ pid }) => pid,
  )
  const [longest] = [...byPid.values()].sort((a, b) => b.length - a.length)
  const first = longest?.at(0)
  const last = longest?.at(-1)
  if (longest === undefined || first === undefined || last === undefined || longest.length < 2) {
    throw new RangeError(`no clock in a stream of ${packets} packets`)
  }
  const span = (last.ticks - first.ticks + wrapTicks) % wrapTicks
  return span + Math.round(span / (longest.length - 1))
}
