// The job socket: a door, and a visit for each caller that it lets in. Main thread.
import type { Config } from '../base/config.ts'
import { openDoor, type Call, type Door } from './door.ts'
import { Visit, type VisitContext } from './visit.ts'

export class JobListener {
  readonly #context: VisitContext
  readonly #visits = new Set<Visit>()
  #door: Door | undefined

  private constructor(context: VisitContext) {
    this.#context = context
  }

  /** Lets callers in; undefined where the socket is switched off, or was not asked for and cannot be had.
   *  @throws CONFIG_INVALID or ADDON_MISSING, why it cannot be as configured */
  static async open(config: Config, context: VisitContext): Promise<JobListener | undefined> {
    const { log, metrics } = context
    const listener = new JobListener(context)
    const onCall = (call: Call) => listener.#receive(call)
    listener.#door = await openDoor(config, { mostCalls: config.mostJobs, log, metrics, onCall })
    return listener.#door === undefined ? undefined : listener
  }

  /** Connections that are served now. */
  get jobs(): number {
    return this.#visits.size
  }

  /** Lets nobody in any more and takes no more input; works off what has come, and after `drainMs` gives up what
   *  is left. */
  async close(drainMs = 3000): Promise<void> {
    const closed = this.#door?.close()
    const visits = [...this.#visits]
    for (const visit of visits) visit.end()
    const timer = setTimeout(() => {
      for (const visit of this.#visits) visit.close()
    }, drainMs)
    await Promise.all([closed, ...visits.map(({ gone }) => gone)])
    clearTimeout(timer)
  }

  #receive(call: Call): void {
    const visit = new Visit(call, this.#context, () => ({ status: 'ok', jobs: this.jobs }))
    this.#visits.add(visit)
    void visit.gone.then(() => this.#visits.delete(visit))
  }
}
