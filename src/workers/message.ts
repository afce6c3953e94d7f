// Everything that crosses between the main thread and a worker, besides the bytes in the rings.
import type { ErrorCode } from '../base/errors.ts'
import type { NativeVersion, RemuxStats } from './native.ts'
import type { PackageOptions } from './packaging.ts'
import type { Profile } from './profile.ts'

/** The first task of every thread: loads the addon. */
export interface HelloTask {
  readonly kind: 'hello'
}

/** One stream: runs until its input ends or its output is closed. */
export interface RemuxTask {
  readonly kind: 'remux'
  /** 1 .. 2^31-1, of one pool */
  readonly id: number
  readonly profile: Profile
  readonly input: SharedArrayBuffer
  readonly output: SharedArrayBuffer
  readonly marks: SharedArrayBuffer
  /** bytes already in the output, from threads before this one */
  readonly offset: number
  /** another thread carried this stream before */
  readonly isResumed: boolean
  /** of a job, 1 .. mostWeight; undefined for a live stream */
  readonly weight: number | undefined
}

/** One stream in segments: runs until its input ends or its output is closed. */
export interface PackageTask extends PackageOptions {
  readonly kind: 'package'
  /** 1 .. 2^31-1, of one pool */
  readonly id: number
  readonly input: SharedArrayBuffer
  /** of records */
  readonly output: SharedArrayBuffer
}

export type Task = HelloTask | RemuxTask | PackageTask

/** How a task ended. A stream's error is a value: a rejected task would look like a dead thread. */
export type Outcome =
  | { readonly kind: 'ready'; readonly version: NativeVersion }
  | { readonly kind: 'done'; readonly stats: RemuxStats }
  | { readonly kind: 'packaged' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly details: Readonly<Record<string, unknown>> }

/** What a thread is given when it starts. */
export interface ThreadData {
  readonly heartbeat: SharedArrayBuffer
  readonly beatMs: number
}
