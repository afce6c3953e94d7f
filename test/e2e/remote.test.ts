// The daemon with a transcoder in a process of its own, which dies and comes back under its viewers.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readStream } from '../stream/programme.ts'
import { read, viewer } from '../stream/viewers.ts'
import { open, type House } from './house.ts'
import { freePort } from './port.ts'

const repository = resolve(import.meta.dirname, '../..')
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Place {
  /** What XG2G_TRANSCODER_URL is to be. */
  readonly url: string
  readonly env: Record<string, string>
}

async function startTranscoder({ env }: Place): Promise<ChildProcess> {
  const child = spawn(join(repository, 'xg2g'), ['transcoder'], {
    env: { PATH: process.env.PATH ?? '', XG2G_WORKERS: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  closers.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  await vi.waitFor(() => expect(text).toContain('"msg":"started"'), { timeout: 25_000, interval: 50 })
  return child
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  async unix() {
    const folder = mkdtempSync(join(tmpdir(), 'xg2g-remote-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'remux.sock')
    return { url: `unix:${path}`, env: { XG2G_UDS_PATH: path, XG2G_TRANSCODER_LISTEN: '127.0.0.1:0' } }
  },
  async http() {
    const listen = `127.0.0.1:${await freePort()}`
    return { url: `http://${listen}`, env: { XG2G_UDS_PATH: 'off', XG2G_TRANSCODER_LISTEN: listen } }
  },
}

async function engines({ daemon }: House): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${daemon.apiPort}/api/v1/streams`)
  const { streams } = (await answer.json()) as { streams: { engine: string }[] }
  return streams.map(({ engine }) => engine)
}

describe.each(Object.keys(places))('a transcoder process behind %s', (kind) => {
  it('that is killed costs its viewers no connection and the receiver no tuner, and is used again', async () => {
    const place = await (places[kind] as () => Promise<Place>)()
    const first = await startTranscoder(place)
    const house = await open(
      { streams: ['mpeg2', 'radio-mp2'], tuners: 2 },
      { XG2G_TRANSCODER_URL: place.url },
    )
    closers.push(() => house.close())
    const viewers = Array.from({ length: 4 }, () => viewer(house.proxyPort, `/${house.ref('mpeg2')}`))
    const begin = await Promise.all(viewers.map((each) => read(each, 200_000)))
    expect(await engines(house)).toEqual(['remote', 'remote', 'remote', 'remote'])

    first.kill('SIGKILL')
    await vi.waitFor(async () => expect(new Set(await engines(house))).toEqual(new Set(['native'])))
    const rest = await Promise.all(viewers.map((each) => read(each, 600_000)))
    for (const [at, bytes] of rest.entries()) {
      const whole = Buffer.concat([begin[at] ?? Buffer.alloc(0), bytes])
      const body = whole.subarray(whole.indexOf('\r\n\r\n') + 4)
      const { faults } = readStream(body.subarray(0, body.length - (body.length % 188)))
      expect(faults).toEqual([])
    }
    expect(Object.values(house.demo.requests.streams)).toEqual([1])

    await startTranscoder(place)
    await vi.waitFor(async () => expect(await house.metric('xg2g_transcoder_up')).toBe(1), {
      timeout: 20_000,
    })
    const next = viewer(house.proxyPort, `/${house.ref('radio-mp2')}`)
    await read(next, 20_000)
    expect(await engines(house)).toContain('remote')
    for (const each of [...viewers, next]) each.destroy()
  }, 90_000)
})
