// One packaging of the pool, main's side. A thread that is lost takes it along: whoever wants the stream in
// segments begins a new one, which goes on in the same slots.
import { AppError } from '../base/errors.ts'
import type { Outcome, PackageTask } from './message.ts'
import type { PackagedRecord, PackageOptions, Packaging } from './packaging.ts'
import { RecordReader } from './records.ts'
import { createRing, RingWriter } from './ring.ts'
import type { Work } from './work.ts'

const inputBytes = 512 * 1024 // 0.4 s of 10 Mbit/s, as for a remux
const outputBytes = 512 * 1024 // two parts

export class Package implements Packaging, Work {
  readonly id: number
  readonly label: string
  readonly isLive = true
  readonly isMovable = false
  losses = 0
  readonly input = new RingWriter(createRing(inputBytes))
  readonly done: Promise<void>
  readonly #options: PackageOptions
  readonly #output = new RecordReader(createRing(outputBytes))
  readonly #end = Promise.withResolvers<undefined>()

  constructor(id: number, options: PackageOptions) {
    this.id = id
    this.label = options.label ?? 'package'
    this.#options = options
    this.done = this.#end.promise
    this.done.catch(() => undefined) // nobody has to wait for the end
  }

  records(): PackagedRecord[] {
    return this.#output.read()
  }

  whenReadable(): Promise<void> {
    return this.#output.ring.whenReadable()
  }

  close(): void {
    this.#closeRings('cancel')
  }

  task(): PackageTask {
    const { input, id } = this
    return { kind: 'package', id, ...this.#options, input: input.memory, output: this.#output.ring.memory }
  }

  settle(outcome: Outcome): void {
    if (outcome.kind === 'packaged') this.#end.resolve(undefined)
    else if (outcome.kind === 'failed')
      this.fail(new AppError(outcome.code, { ...outcome.details, label: this.label }))
    else this.fail(new AppError('INTERNAL', { reason: `A worker answered a packaging with ${outcome.kind}` }))
  }

  rescue(): void {
    this.input.move()
    this.#output.ring.move()
  }

  fail(error: AppError): void {
    this.#closeRings('error')
    this.#end.reject(error)
  }

  #closeRings(reason: 'cancel' | 'error'): void {
    this.#output.ring.close(reason) // first: else the worker could take it for the input's end
    this.input.close(reason)
  }
}
