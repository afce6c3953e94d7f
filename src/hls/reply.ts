// A text that many clients get: made once, compressed once, and sent as it is to whoever waits for it.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

// Lines repeat soon in a playlist: it gets no smaller with the usual 256 KiB of memory in place of these 32, which V8
// counts as a reason to collect garbage each time.
const compression = { level: 6, windowBits: 12, memLevel: 5 }

export class Reply {
  readonly plain: Buffer
  readonly etag: string
  #gzip: Buffer | undefined

  constructor(text: string) {
    this.plain = Buffer.from(text)
    // Weak: the same for both forms.
    this.etag = `W/"${createHash('sha1').update(this.plain).digest('base64url')}"`
  }

  get gzip(): Buffer {
    return (this.#gzip ??= gzipSync(this.plain, compression))
  }
}

/** Texts in one version and in several forms: those of the version before are forgotten. */
export class Shelf {
  readonly #mostForms: number
  readonly #replies = new Map<string, Reply>()
  #version = -1

  /** @param mostForms  what is more than that is made anew for each client */
  constructor(mostForms = 16) {
    this.#mostForms = mostForms
  }

  get(version: number, form: string, make: () => string): Reply {
    if (version !== this.#version) this.#replies.clear()
    this.#version = version
    const known = this.#replies.get(form)
    if (known !== undefined) return known
    const reply = new Reply(make())
    if (this.#replies.size < this.#mostForms) this.#replies.set(form, reply)
    return reply
  }
}
