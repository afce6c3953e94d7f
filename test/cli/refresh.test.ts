import { afterEach, describe, expect, it } from 'vitest'
import { refresh } from '../../src/cli/refresh.ts'
import { FakeGuide, startFake, type Fake } from '../api/fake.ts'
import type { GuideStatus } from '../../src/guide/guide.ts'
import { run } from './command.ts'
import { printed } from './output.ts'

let fake: Fake | undefined
afterEach(async () => {
  await fake?.close()
  fake = undefined
})

// A refresh that is done when it is looked at for the third time.
class Guide extends FakeGuide {
  looks = 0
  isComplete = true

  override status(): GuideStatus {
    const isRunning = this.isRefreshing && ++this.looks < 3
    this.isRefreshing = isRunning
    const last = {
      isComplete: this.isComplete,
      channels: 7,
      fetched: 6,
      failed: this.isComplete ? 0 : 1,
      durationMs: 1234,
      ...(this.isComplete ? {} : { error: 'RECEIVER_TIMEOUT' }),
    }
    return { ...super.status(), refresh: { isRunning, done: 1, total: 2, ...(isRunning ? {} : { last }) } }
  }
}

async function start(settings: Record<string, string> = {}): Promise<{ guide: Guide; url: string[] }> {
  const guide = new Guide()
  fake = await startFake(settings, { guide })
  return { guide, url: ['--url', `http://127.0.0.1:${fake.port}`] }
}

describe('xg2g refresh', () => {
  it('begins one, waits for its end and says how it went', async () => {
    const { guide, url } = await start()
    expect(await printed(() => refresh(['channels', ...url]))).toEqual({
      code: 0,
      stdout: '7 channels, guide of 6 fetched, 0 failed, in 1.2 s\n',
      stderr: '',
    })
    expect(guide.asked).toEqual(['channels'])
  })

  it('waits for one that is running', async () => {
    const { guide, url } = await start()
    guide.isRefreshing = true
    const { code, stderr } = await printed(() => refresh(url))
    expect([code, stderr]).toEqual([0, 'A refresh is running already; waiting for it\n'])
    expect(guide.asked).toEqual([])
  })

  it('exits with 1 for one that was not complete', async () => {
    const { guide, url } = await start()
    guide.isComplete = false
    const { code, stderr } = await printed(() => refresh(url))
    expect([code, stderr]).toEqual([1, 'It was not complete: RECEIVER_TIMEOUT\n'])
  })

  it('says what the daemon says where it may not', async () => {
    const { url } = await start({ XG2G_API_TOKEN: 'token-of-the-test' })
    await expect(refresh(url)).rejects.toThrow('A token is needed here')
  })

  it('says that no daemon runs', async () => {
    await expect(refresh(['--url', 'http://127.0.0.1:9'])).rejects.toThrow(
      /no xg2g at http:\/\/127\.0\.0\.1:9/,
    )
  })

  it.each([[['everything']], [['all', 'more']], [['--colour']]])('exits with 2 for %j', async (args) => {
    expect((await run(['refresh', ...args])).code).toBe(2)
  })
})
