import { Worker } from 'node:worker_threads'
import { describe, expect, it, vi } from 'vitest'
import { ownThreadId, parseThread, readThread } from '../../src/workers/thread.ts'

const isLinux = process.platform === 'linux'

describe('parseThread', () => {
  const tail = '1 2 3 0 -1 4194304 100 0 7 0 123 45 0 0 20 0 11 0 2811371 3133440 388'

  it.each([
    [`4711 (node) R ${tail}`, { state: 'R', cpuMs: 1680 }],
    [`4711 (a) S 9) (b) D ${tail}`, { state: 'D', cpuMs: 1680 }],
    ['4711 (node) R 1 2', undefined],
    ['', undefined],
  ])('of %j', (stat, expected) => {
    expect(parseThread(stat)).toEqual(expected)
  })
})

describe.runIf(isLinux)('readThread', () => {
  it('of the thread that asks: it runs, and its time grows', () => {
    const id = ownThreadId()
    const before = readThread(id)
    expect(before?.state).toBe('R')
    const usedMs = () => process.threadCpuUsage().user / 1000
    for (const from = usedMs(); usedMs() - from < 50;);
    expect((readThread(id)?.cpuMs ?? 0) - (before?.cpuMs ?? 0)).toBeGreaterThan(20)
  })

  it('of another thread, which sleeps', async () => {
    const file = JSON.stringify(new URL('../../src/workers/thread.ts', import.meta.url).href)
    const worker = new Worker(
      `import(${file}).then(({ ownThreadId }) => {
         require('node:worker_threads').parentPort.postMessage(ownThreadId())
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
       })`,
      { eval: true },
    )
    const id = await new Promise<number>((resolve, reject) =>
      worker.once('message', resolve).once('error', reject),
    )
    expect(id).not.toBe(ownThreadId())
    await vi.waitFor(() => expect(readThread(id)?.state).toBe('S'))
    await worker.terminate()
    expect(readThread(id)).toBeUndefined()
  })

  it('knows nothing of a thread that is not there', () => {
    expect(readThread(0)).toBeUndefined()
  })
})
