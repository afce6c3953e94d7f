// Memory that comes and goes at a steady pace, used again. V8 takes every byte of a new buffer for a reason to collect
// garbage: six channels in segments made it do so once a second, with four threads.

/** Kept for the next ones at most: a long segment of 12 Mbit/s, whose parts go all at once. */
export const mostSpareBytes = 16 * 1024 * 1024
const pageBytes = 4096
const mostExcess = 1.5 // a spare that is larger by more than this waits for something larger

export class Stock {
  #spares: Buffer[] = [] // the longest unused first
  #spareBytes = 0

  /** Memory that waits to be used again. */
  get spareBytes(): number {
    return this.#spareBytes
  }

  /** So many bytes of anything: the smallest spare that they fit into, else new memory. */
  take(bytes: number): Buffer {
    const fresh = Math.max(1, Math.ceil(bytes / pageBytes)) * pageBytes
    let best: Buffer | undefined
    for (const spare of this.#spares)
      if (spare.length >= bytes && spare.length < (best?.length ?? Infinity)) best = spare
    if (best === undefined || best.length > mostExcess * fresh)
      return Buffer.allocUnsafeSlow(fresh).subarray(0, bytes)
    this.#remove(best)
    return best.subarray(0, bytes)
  }

  /** @param bytes  what take() gave, which nobody reads or will read any more */
  give({ buffer }: Buffer): void {
    this.#spares.push(Buffer.from(buffer))
    this.#spareBytes += buffer.byteLength
    while (this.#spareBytes > mostSpareBytes && this.#spares[0] !== undefined) this.#remove(this.#spares[0])
  }

  #remove(spare: Buffer): void {
    this.#spares.splice(this.#spares.indexOf(spare), 1)
    this.#spareBytes -= spare.length
  }
}
