// The byte ring between the main thread and one worker: one writer, one reader, fixed roles, in one
// SharedArrayBuffer. Neither side ever blocks: both wait with Atomics.waitAsync, without a timeout
// (one that is woken early would leave a delayed task behind), and a close wakes every waiter.

// The header: four cache lines of Int32 words. HEAD and TAIL are running byte counts that wrap at
// 2^32 and are never reduced; position = count & mask, used = (head - tail) | 0.
const HEAD = 0 // bytes ever written; stored by the writer alone
const NOTED = 1 // splices ever noted; stored by the writer alone
const notesAt = 8 // bytes: numbers that the writer keeps for the one after it
const TAIL = 16 // bytes ever read; stored by the reader alone
const JOINED = 17 // splices ever passed; stored by the reader alone
const PARKED_READER = 32 // 1 while the reader waits on HEAD; stored by the reader alone
const PARKED_WRITER = 33 // 1 while the writer waits on TAIL; stored by the writer alone
const CLOSED = 34 // 0, or 1 + the reason's place in closeReasons; the first close stays
const COUNTERS = 36 // events that the writer counts for the reader, each wrapping at 2^32
const SPLICES = 48 // HEAD at each of the last splices, in turn; stored by the writer alone
const headerBytes = 256

/** Splices that can be ahead of the reader: a connection that breaks again and again at once. A power of two. */
export const mostSplices = 8
/** How many counters a ring's header holds. */
export const counterCount = 12
/** How many numbers the writer can leave in a ring's header. */
export const noteCount = 4
const longestCapacity = 2 ** 30

const closeReasons = ['end', 'cancel', 'error'] as const
/** Why a ring was closed: all was sent, nobody wants it any more, or something failed. */
export type CloseReason = (typeof closeReasons)[number]

/** The memory of a ring, for both threads.
 *  @param capacityBytes  a power of two up to 2^30
 *  @param startCount     where the running counts begin: tests put it just before they wrap */
export function createRing(capacityBytes: number, startCount = 0): SharedArrayBuffer {
  if (!isCapacity(capacityBytes)) {
    throw new TypeError(`Expected a power of two for capacityBytes but received ${capacityBytes}`)
  }
  const memory = new SharedArrayBuffer(headerBytes + capacityBytes)
  const header = new Int32Array(memory, 0, headerBytes / 4)
  header[HEAD] = header[TAIL] = startCount
  header.fill(startCount, SPLICES, SPLICES + mostSplices)
  return memory
}

/** What both sides can ask and do. */
abstract class Side {
  #memory: SharedArrayBuffer
  protected header: Int32Array
  protected data: Uint8Array
  #wait: Promise<void> | undefined
  // V8 does not count shared memory when it decides whether to collect garbage: the rings of ended
  // streams would pile up. It counts this, as large as the ring and never touched.
  protected readonly weight: ArrayBuffer

  constructor(memory: SharedArrayBuffer) {
    this.weight = new ArrayBuffer(memory.byteLength)
    if (!isCapacity(memory.byteLength - headerBytes)) {
      throw new TypeError(`Expected memory of createRing but received ${memory.byteLength} bytes`)
    }
    this.#memory = memory
    this.header = new Int32Array(memory, 0, headerBytes / 4)
    this.data = new Uint8Array(memory, headerBytes)
  }

  /** What the peer's side is made of. */
  get memory(): SharedArrayBuffer {
    return this.#memory
  }

  get capacity(): number {
    return this.data.length
  }

  /** Bytes written and not yet read. */
  get fill(): number {
    return (Atomics.load(this.header, HEAD) - Atomics.load(this.header, TAIL)) | 0
  }

  get isClosed(): boolean {
    return Atomics.load(this.header, CLOSED) !== 0
  }

  /** Why it was closed; undefined while it is open. */
  get closeReason(): CloseReason | undefined {
    return closeReasons[Atomics.load(this.header, CLOSED) - 1]
  }

  /** Numbers that move with the ring, stored by the writer for whoever goes on after it. 0 at first. */
  get notes(): Float64Array {
    return new Float64Array(this.memory, notesAt, noteCount)
  }

  /** Ends the ring from either side: the writer writes no more, the reader drains what is there.
   *  Wakes whoever waits. Closing again changes nothing. */
  close(reason: CloseReason = 'end'): void {
    Atomics.compareExchange(this.header, CLOSED, 0, 1 + closeReasons.indexOf(reason))
    Atomics.notify(this.header, HEAD)
    Atomics.notify(this.header, TAIL)
  }

  /** Moves this side to a copy of the ring, for a new peer. For when the peer's thread can be trusted
   *  no more: whatever it still does, it does to the old memory. */
  move(): void {
    const old = this.header
    const copy = new SharedArrayBuffer(this.#memory.byteLength)
    const header = new Int32Array(copy, 0, headerBytes / 4)
    // The counts first, then the bytes: what the counts cover is in place and stays.
    for (let word = 0; word < old.length; word++) header[word] = Atomics.load(old, word)
    header[PARKED_READER] = 0
    header[PARKED_WRITER] = 0
    const data = new Uint8Array(copy, headerBytes)
    data.set(this.data)
    this.#memory = copy
    this.header = header
    this.data = data
    Atomics.notify(old, HEAD) // a wait of ours on the old words ends; its caller looks again
    Atomics.notify(old, TAIL)
  }

  // One wait per side at most: whoever asks again gets the same one.
  protected waitOnce(flag: number, word: number, isStill: () => boolean): Promise<void> {
    if (!isStill() || this.isClosed) return Promise.resolve()
    this.#wait ??= park(this.header, flag, word, isStill).finally(() => (this.#wait = undefined))
    return this.#wait
  }
}

/** The side that writes. */
export class RingWriter extends Side {
  #window: Uint8Array | undefined
  #written = 0
  #stalls = 0

  /** Bytes that fit now. */
  get free(): number {
    return this.capacity - this.fill
  }

  /** Bytes ever written through this object. */
  get total(): number {
    return this.#written
  }

  /** How often this side found too little room and had to wait. */
  get stalls(): number {
    return this.#stalls
  }

  /** Does the reader wait for bytes? */
  get isAwaited(): boolean {
    return Atomics.load(this.header, PARKED_READER) !== 0
  }

  /** Copies in what fits and publishes it once.
   *  @returns bytes taken, 0 when full, -1 when closed */
  write(bytes: Uint8Array): number {
    if (this.isClosed) return -1
    const length = Math.min(bytes.length, this.free)
    if (length === 0) return 0
    const at = this.#head & (this.capacity - 1)
    const first = Math.min(length, this.capacity - at)
    this.data.set(first === bytes.length ? bytes : bytes.subarray(0, first), at)
    if (first < length) this.data.set(bytes.subarray(first, length), 0)
    this.#publish(length)
    return length
  }

  /** The room up to the ring's end, to be filled in place and then committed; empty when full.
   *  Valid until the next call of this method. */
  writable(mostBytes = Infinity): Uint8Array {
    const at = this.#head & (this.capacity - 1)
    const length = Math.min(this.free, this.capacity - at, mostBytes)
    return (this.#window = this.data.subarray(at, at + length))
  }

  /** Publishes the first bytes of the last writable(). */
  commit(length: number): void {
    const window = this.#window
    if (!isWhole(length, window?.length ?? 0)) {
      throw new TypeError(`Expected at most ${window?.length ?? 0} bytes for commit but received ${length}`)
    }
    if (window === undefined || length === 0) return
    // The ring was moved while the window was being filled (a read of a socket, say).
    if (window.buffer !== this.memory)
      this.data.set(window.subarray(0, length), this.#head & (this.capacity - 1))
    this.#window = window.subarray(length)
    this.#publish(length)
  }

  /** Resolves when so much room may be there or the ring is closed; the caller looks again.
   *  @param leastBytes  at most the capacity */
  whenWritable(leastBytes = 1): Promise<void> {
    const least = Math.min(leastBytes, this.capacity)
    const isStill = () => this.free < least
    if (isStill()) this.#stalls++
    return this.waitOnce(PARKED_WRITER, TAIL, isStill)
  }

  /** From here on the bytes come from somewhere else: a connection that was opened again, say. The
   *  reader learns it when it gets there. When mostSplices are ahead of it, this one takes the last one's place. */
  splice(): void {
    const noted = this.header[NOTED] ?? 0 // our own word: a plain read
    if (Atomics.load(this.header, spliceWord(noted - 1)) === this.#head) return // nothing has come since
    const isFull = ((noted - Atomics.load(this.header, JOINED)) | 0) >= mostSplices
    const number = isFull ? noted - 1 : noted
    Atomics.store(this.header, spliceWord(number), this.#head) // before the bytes that follow are published
    Atomics.store(this.header, NOTED, (number + 1) | 0)
  }

  /** Counts events for the reader; the counter wraps at 2^32. */
  count(counter: number, events: number): void {
    Atomics.add(this.header, counterWord(counter), events | 0)
  }

  get #head(): number {
    return this.header[HEAD] ?? 0 // our own word: a plain read
  }

  // After the copy. The store comes before the look at the flag; the reader stores its flag before
  // it looks at the count: one of us always sees the other.
  #publish(length: number): void {
    this.#written += length
    Atomics.store(this.header, HEAD, (this.#head + length) | 0)
    if (Atomics.load(this.header, PARKED_READER) !== 0) Atomics.notify(this.header, HEAD)
  }
}

/** The side that reads. */
export class RingReader extends Side {
  #released = 0

  /** Bytes ever read through this object. */
  get total(): number {
    return this.#released
  }

  /** Closed, and all that was written has been read. */
  get isDrained(): boolean {
    return this.isClosed && this.fill === 0 // in this order: nothing is written after a close
  }

  /** Bytes up to where the source changes; undefined while no change is noted. At 0 nothing more is
   *  read until join(). */
  get splice(): number | undefined {
    const joined = this.header[JOINED] ?? 0 // our own word: a plain read
    if (Atomics.load(this.header, NOTED) === joined) return undefined
    return (Atomics.load(this.header, spliceWord(joined)) - this.#tail) | 0
  }

  /** Goes on behind the splice that has been reached. */
  join(): void {
    if (this.splice !== 0)
      throw new TypeError(`Expected a splice here but the next is ${this.splice} bytes off`)
    Atomics.store(this.header, JOINED, ((this.header[JOINED] ?? 0) + 1) | 0)
  }

  /** Copies out what is there, of one source.
   *  @returns bytes copied, 0 when empty or at a splice, -1 when closed and drained */
  read(into: Uint8Array): number {
    const isClosed = this.isClosed // before the fill: what came before the close is seen
    const length = Math.min(into.length, this.#unbroken)
    if (length === 0) return isClosed && this.fill === 0 ? -1 : 0
    const at = this.#tail & (this.capacity - 1)
    const first = Math.min(length, this.capacity - at)
    into.set(this.data.subarray(at, at + first), 0)
    if (first < length) into.set(this.data.subarray(0, length - first), first)
    this.release(length)
    return length
  }

  /** The bytes up to the ring's end or a splice, in place; empty when there are none. They stay as
   *  they are until released, also through a move. */
  readable(mostBytes = Infinity): Uint8Array {
    const at = this.#tail & (this.capacity - 1)
    return this.data.subarray(at, at + Math.min(this.#unbroken, this.capacity - at, mostBytes))
  }

  /** Gives the first bytes of readable() back to the writer. */
  release(length: number): void {
    if (!isWhole(length, this.fill)) {
      throw new TypeError(`Expected at most ${this.fill} bytes for release but received ${length}`)
    }
    if (length === 0) return
    this.#released += length
    Atomics.store(this.header, TAIL, (this.#tail + length) | 0)
    if (Atomics.load(this.header, PARKED_WRITER) !== 0) Atomics.notify(this.header, TAIL)
  }

  /** Resolves when so many bytes may be there or the ring is closed; the caller looks again.
   *  @param leastBytes  at most the capacity */
  whenReadable(leastBytes = 1): Promise<void> {
    const least = Math.min(leastBytes, this.capacity)
    return this.waitOnce(PARKED_READER, HEAD, () => this.fill < least)
  }

  /** What the writer has counted, 0 .. 2^32-1. */
  counter(counter: number): number {
    return Atomics.load(this.header, counterWord(counter)) >>> 0
  }

  // The fill first: a splice is noted before the bytes behind it are counted.
  get #unbroken(): number {
    const fill = this.fill
    return Math.min(fill, this.splice ?? fill)
  }

  get #tail(): number {
    return this.header[TAIL] ?? 0 // our own word: a plain read
  }
}

// Store the flag, then look at the count again: the peer stores the count, then looks at the flag.
async function park(header: Int32Array, flag: number, word: number, isStill: () => boolean): Promise<void> {
  Atomics.store(header, flag, 1)
  const seen = Atomics.load(header, word)
  if (isStill() && Atomics.load(header, CLOSED) === 0) {
    const wait = Atomics.waitAsync(header, word, seen)
    if (wait.async) {
      // CLOSED is not the word waited on: a close between the look above and the wait's registration
      // would be slept through. Look once more, and wake ourselves.
      if (Atomics.load(header, CLOSED) !== 0) Atomics.notify(header, word)
      await wait.value
    }
  }
  Atomics.store(header, flag, 0)
}

function spliceWord(number: number): number {
  return SPLICES + (number & (mostSplices - 1))
}

function counterWord(counter: number): number {
  if (!isWhole(counter, counterCount - 1)) {
    throw new TypeError(`Expected 0..${counterCount - 1} for counter but received ${counter}`)
  }
  return COUNTERS + counter
}

function isCapacity(bytes: number): boolean {
  return (
    Number.isInteger(bytes) && bytes > 0 && bytes <= longestCapacity && Number.isInteger(Math.log2(bytes))
  )
}

function isWhole(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most
}
