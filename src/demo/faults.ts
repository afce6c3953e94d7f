// Faults on demand: what is to go wrong for which service, and what it does to a stream under way.
// Times in `afterMs` are programme time, so that they mean the same at every pace; `ms` is real time.
import { seeded } from './dice.ts'
import { packetSize, pidAt } from './signal/packet.ts'
import { type PmtChange, pmtChanges } from './signal/playback.ts'

export type Fault =
  /** Nothing comes for a while after the 200, as from a relay that has to find its key. */
  | { readonly kind: 'silence'; readonly ms: number }
  /** Nothing comes for a while in mid-stream; what was due meanwhile comes late, or is lost. */
  | { readonly kind: 'stall'; readonly afterMs: number; readonly ms: number; readonly isLost?: boolean }
  /** The connection ends, with a FIN or (`isHard`) with a reset. */
  | { readonly kind: 'drop'; readonly afterMs: number; readonly isHard?: boolean }
  /** The receiver answers 200 and then says in the body that it could not tune. */
  | { readonly kind: 'refuse' }
  /** Text in front of the stream, or instead of it. */
  | { readonly kind: 'text'; readonly text: string; readonly isAll?: boolean }
  /** The stream comes at a fraction of its pace. */
  | { readonly kind: 'slow'; readonly factor: number }
  /** Shares of all packets that get a wrong bit, are lost, or come twice. */
  | {
      readonly kind: 'damage'
      readonly seed?: number
      readonly bitErrors?: number
      readonly losses?: number
      readonly repeats?: number
    }
  /** The first packets are scrambled: audio, video and all but the tables. */
  | { readonly kind: 'scrambled'; readonly packets: number }
  | { readonly kind: 'pmt'; readonly afterMs: number; readonly change: PmtChange }
  /** All clocks jump, unannounced. */
  | { readonly kind: 'jump'; readonly afterMs: number; readonly ms: number }
  /** The 33 bits of all clocks overflow this much programme time after the start. */
  | { readonly kind: 'wrap'; readonly afterMs: number }

export type FaultKind = Fault['kind']

/** The numbers that each kind cannot do without. */
const needed: Record<FaultKind, readonly string[]> = {
  silence: ['ms'],
  stall: ['afterMs', 'ms'],
  drop: ['afterMs'],
  refuse: [],
  text: [],
  slow: ['factor'],
  damage: [],
  scrambled: ['packets'],
  pmt: ['afterMs'],
  jump: ['afterMs', 'ms'],
  wrap: ['afterMs'],
}

export const faultKinds = Object.keys(needed) as readonly FaultKind[]

/** A fault from JSON; undefined when it is none. */
export function parseFault(value: unknown): Fault | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const fields = value as Record<string, unknown>
  const kind = faultKinds.find((known) => known === fields.kind)
  if (kind === undefined || !needed[kind].every((name) => Number.isFinite(fields[name]))) return undefined
  if (kind === 'text' && typeof fields.text !== 'string') return undefined
  if (kind === 'pmt' && !pmtChanges.some((change) => change === fields.change)) return undefined
  return fields as unknown as Fault // its kind, numbers and words were looked at
}

interface Order {
  readonly target: string
  readonly fault: Fault
  left: number
}

/** The faults that are in force. A target is one of a channel's names (`namesOf`), or `*`. */
export class Faults {
  private orders: Order[] = []

  /** Puts a fault in force for the next `times` streams that are opened.
   *  @returns takes it back */
  add(target: string, fault: Fault, times = Infinity): () => void {
    const order: Order = { target, fault, left: times }
    this.orders.push(order)
    return () => {
      this.orders = this.orders.filter((other) => other !== order)
    }
  }

  clear(): void {
    this.orders = []
  }

  list(): Array<{ target: string; fault: Fault; left: number }> {
    return this.orders.map((order) => ({ ...order }))
  }

  /** The faults of a stream that is opened now; counts them as used. */
  take(names: readonly string[]): Fault[] {
    const hit = this.orders.filter(({ target }) => target === '*' || names.includes(target))
    for (const order of hit) order.left--
    this.orders = this.orders.filter(({ left }) => left > 0)
    return hit.map(({ fault }) => fault)
  }
}

/** Damages packets: wrong bits, losses, repetitions. */
export function damage(o: Extract<Fault, { kind: 'damage' }>): (bytes: Buffer) => Buffer {
  const random = seeded(o.seed ?? 1)
  const { bitErrors = 0, losses = 0, repeats = 0 } = o
  return (bytes) => {
    const parts: Buffer[] = []
    for (let at = 0; at < bytes.length; at += packetSize) {
      if (random() < losses) continue
      const packet = bytes.subarray(at, at + packetSize)
      if (random() < bitErrors) {
        const hit = Math.floor(random() * packet.length)
        packet.writeUInt8(packet.readUInt8(hit) ^ (1 << Math.floor(random() * 8)), hit)
      }
      parts.push(packet)
      if (random() < repeats) parts.push(packet)
    }
    return Buffer.concat(parts)
  }
}

/** Marks everything but tables as scrambled with the even key, and makes its content unreadable. */
export function scramble(bytes: Buffer, isTable: (pid: number) => boolean): void {
  for (let at = 0; at < bytes.length; at += packetSize) {
    if (isTable(pidAt(bytes, at))) continue
    const control = bytes.readUInt8(at + 3)
    if ((control & 0x10) === 0) continue
    const from = (control & 0x20) === 0 ? at + 4 : at + 5 + bytes.readUInt8(at + 4)
    bytes.writeUInt8((control & 0x3f) | 0x80, at + 3)
    for (let index = from; index < at + packetSize; index++)
      bytes[index] = (bytes[index] ?? 0) ^ (0x5a + (index % 89))
  }
}
