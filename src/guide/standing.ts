// How we stand with the receiver: does it answer, what went wrong last, what it says of itself.
import type { ErrorCode } from '../base/errors.ts'
import type { OpenWebIf } from '../receiver/client.ts'
import type { About } from '../receiver/device.ts'
import type { ReceiverAbout, ReceiverState, ReceiverStatus } from './guide.ts'

const states: Partial<Record<ErrorCode, ReceiverState>> = {
  RECEIVER_UNREACHABLE: 'unreachable',
  RECEIVER_TIMEOUT: 'slow',
  RECEIVER_REFUSED: 'refused',
  RECEIVER_BROKEN: 'broken',
}

export class Standing {
  readonly #client: OpenWebIf
  #about: ReceiverAbout | undefined
  #isAsking = false
  #told: ReceiverState = 'unknown'

  constructor(client: OpenWebIf) {
    this.#client = client
  }

  read(): ReceiverStatus {
    const { error, errorAt, answeredAt } = this.#client.state
    const state = error === undefined ? answeredAt && 'ok' : states[error.code]
    return {
      state: state ?? 'unknown',
      isReachable: state === 'ok' || state === 'broken' || state === 'refused',
      lastError: error && { code: error.code, message: error.message, at: errorAt ?? new Date() },
      lastAnswerAt: answeredAt,
      about: this.#about,
    }
  }

  /** The status, if its state is another than the last time. */
  changed(): ReceiverStatus | undefined {
    const status = this.read()
    if (status.state === this.#told) return undefined
    this.#told = status.state
    return status
  }

  /** Asks the receiver once what it is. What it does not want to say stays unknown. */
  introduce(signal: AbortSignal): void {
    if (this.#about !== undefined || this.#isAsking || this.read().state !== 'ok') return
    this.#isAsking = true
    this.#client
      .about(signal)
      .then((about) => (this.#about = shorten(about)))
      .catch(() => undefined) // in the client's state already
      .finally(() => (this.#isAsking = false))
  }
}

function shorten({ brand, model, boxtype, image, imageVersion, webif, tuners }: About): ReceiverAbout {
  return {
    model: [brand, model || boxtype].filter(Boolean).join(' '),
    image: [image, imageVersion].filter(Boolean).join(' '),
    webif,
    tuners: tuners.length,
  }
}
