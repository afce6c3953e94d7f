import type { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { passthroughEngine } from '../../src/stream/engine.ts'
import { Proxy } from '../../src/stream/proxy.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'
import { ok, packets, StreamServer } from './packets.ts'
import { read, viewer } from './viewers.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

// A proxy whose engine passes everything but calls itself native; `settings` can change meanwhile.
async function start(settings: { profile: Profile }) {
  const server = await StreamServer.start((socket: Socket) => {
    socket.write(ok)
    socket.write(packets(500))
  })
  const proxy = new Proxy({
    find: () => ({
      name: 'Test',
      locate: async () => ({ ...server.target, program: 1 }),
      forget: () => undefined,
    }),
    engine: { ...passthroughEngine(), name: 'native' },
    get profile() {
      return settings.profile
    },
  })
  const { port } = await proxy.listen({ host: '127.0.0.1', port: 0 })
  closers.push(
    () => server.close(),
    () => proxy.close(0),
  )
  return { proxy, port }
}

describe('Proxy.streams', () => {
  it('lists who is sent what, by the profile at the time of each request', async () => {
    const settings = { profile: defaultProfile }
    const { proxy, port } = await start(settings)
    const first = viewer(port, '/one')
    await read(first, 50_000)
    settings.profile = { ...defaultProfile, audio: 'mp3' }
    const second = viewer(port, '/two')
    await read(second, 50_000)
    const shared = { channel: 'Test', client: '127.0.0.1', engine: 'native' }
    expect(proxy.streams.list()).toMatchObject([
      { ...shared, id: '1', audio: 'aac' },
      { ...shared, id: '2', audio: 'mp3' },
    ])
    expect(proxy.streams.list()[0]?.bytesSent).toBeGreaterThanOrEqual(50_000)
    first.destroy()
    await vi.waitFor(() => expect(proxy.streams.list()).toMatchObject([{ id: '2' }]), { timeout: 10_000 })
    second.destroy()
  })

  it('ends one, whose client gets what has come so far', async () => {
    const { proxy, port } = await start({ profile: defaultProfile })
    const client = viewer(port, '/one')
    await read(client, 50_000)
    expect(proxy.streams.end('1')).toBe(true)
    client.resume()
    await vi.waitFor(() => expect(proxy.streams.list()).toEqual([]), { timeout: 10_000 })
    expect(proxy.streams.end('1')).toBe(false)
  })
})
