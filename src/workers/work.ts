// What a slot of the pool carries for its owner, and what a lost thread leaves behind.
import type { AppError } from '../base/errors.ts'
import type { Outcome, Task } from './message.ts'

export interface Work {
  /** 1 .. 2^31-1, of one pool */
  readonly id: number
  /** for logs */
  readonly label: string
  /** Somebody watches it now: it goes before what is not. */
  readonly isLive: boolean
  /** Can another thread go on with it? */
  readonly isMovable: boolean
  /** Threads that it has lost and is held to have a part in. */
  losses: number
  /** Resolves or rejects at the end. */
  readonly done: Promise<unknown>
  /** The order for a thread. */
  task(): Task
  /** Ends with what the thread answered. */
  settle(outcome: Outcome): void
  /** Takes it out of the reach of a thread that is lost; the next task() goes on from here. */
  rescue(): void
  fail(error: AppError): void
  /** Cancels. */
  close(): void
}
