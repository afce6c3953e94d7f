// The job socket: a door, and a visit for each caller that it lets in. Main thread.
import { Door, type Call, type DoorOptions } from './door.ts'
import { Visit, type VisitContext } from './visit.ts'

/** Where callers come in, and who may. */
export type DoorPlace = Pick<DoorOptions, 'path' | 'mode' | 'group' | 'users' | 'mostCalls'>

export class JobListener {
  readonly #door: Door
  readonly #visits = new Set<Visit>()

  constructor(place: DoorPlace, context: VisitContext) {
    const { log, metrics } = context
    this.#door = new Door({ ...place, log, metrics, onCall: (call) => this.#receive(call, context) })
  }

  /** Connections now. */
  get jobs(): number {
    return this.#visits.size
  }

  /** @throws why callers cannot come in */
  async listen(): Promise<void> {
    await this.#door.listen()
  }

  /** Lets nobody in any more and takes no more input; works off what has come, and after `drainMs` gives up what
   *  is left. */
  async close(drainMs = 3000): Promise<void> {
    const visits = [...this.#visits]
    for (const visit of visits) visit.end()
    const timer = setTimeout(() => {
      for (const visit of this.#visits) visit.close()
    }, drainMs)
    await Promise.all([this.#door.close(), ...visits.map(({ gone }) => gone)])
    clearTimeout(timer)
  }

  #receive(call: Call, context: VisitContext): void {
    const visit = new Visit(call, context, () => ({ status: 'ok', jobs: this.jobs }))
    this.#visits.add(visit)
    context.metrics?.jobsActive.set(this.jobs)
    void visit.gone.then(() => {
      this.#visits.delete(visit)
      context.metrics?.jobsActive.set(this.jobs)
    })
  }
}
