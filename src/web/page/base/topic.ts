// A value that changes, and those who want to know.

type Listener<T> = (value: T) => void

export class Topic<T> {
  #value: T
  readonly #listeners = new Set<Listener<T>>()

  constructor(value: T) {
    this.#value = value
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    this.#value = value
    for (const listener of [...this.#listeners]) listener(value)
  }

  /** Calls back with each new value. @returns stops it */
  watch(listener: Listener<T>): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The same, and at once with the one that is there. */
  follow(listener: Listener<T>): () => void {
    listener(this.#value)
    return this.watch(listener)
  }
}
