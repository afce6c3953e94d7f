// Chance for the chaos tests: everything random comes from one seed, and each actor has dice of its own, so that
// what one of them does never depends on how fast another was.
import { seeded } from '../../src/demo/dice.ts'

export class Dice {
  readonly #seed: number
  readonly #next: () => number

  constructor(seed: number) {
    this.#seed = seed >>> 0
    this.#next = seeded(this.#seed)
  }

  /** Dice for actor number `index`. */
  fork(index: number): Dice {
    return new Dice(Math.imul(this.#seed ^ 0x9e3779b9, 2 * index + 1) + index)
  }

  chance(share: number): boolean {
    return this.#next() < share
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1))
  }

  pick<T>(list: readonly [T, ...T[]]): T
  pick<T>(list: readonly T[]): T | undefined
  pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#next() * list.length)]
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.whole(0, 255)))
  }
}
