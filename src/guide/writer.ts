// The thread that writes the XMLTV document: seconds of work and megabytes of short-lived text that streams
// on the main thread need not feel. It lives as long as one document takes, and only reads the store.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { writeBody, type BodySummary } from './body.ts'
import { filled, type Listed, type Span } from './filler.ts'
import { Store } from './store.ts'

/** What the thread is told. It answers with one BodySummary. */
interface Order {
  readonly database: string
  readonly path: string
  readonly channels: readonly Listed[]
  readonly span: Span
}

const limits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 }
const farFuture = 2 ** 40 // unix seconds

/** Writes the channels' programmes into the file, in a thread of its own.
 *  @throws whatever writing throws; the signal's reason when it is aborted */
export async function writeInThread(order: Order, signal: AbortSignal): Promise<BodySummary> {
  signal.throwIfAborted()
  const worker = new Worker(new URL(import.meta.url), { workerData: order, resourceLimits: limits })
  const { promise, resolve, reject } = Promise.withResolvers<BodySummary>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort)
  worker
    .once('message', resolve)
    .once('error', reject)
    .once('exit', () => reject(new Error('the thread that writes the guide ended')))
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', abort)
    await worker.terminate()
  }
}

if (!isMainThread && isOrder(workerData)) {
  const { database, path, channels, span } = workerData
  const store = Store.read(database)
  try {
    const programmes = (channel: Listed) => filled(channel, store.programmes(channel.id, 0, farFuture), span)
    parentPort?.postMessage(await writeBody(path, channels, programmes))
  } finally {
    store.close()
  }
}

// Other threads of this process may load this file, too; their data is another.
function isOrder(data: unknown): data is Order {
  return typeof data === 'object' && data !== null && 'database' in data && 'span' in data
}
