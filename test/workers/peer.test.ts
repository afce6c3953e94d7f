import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { duplicate, groupId, peerOf, peersAvailable, userId, userName } from '../../src/workers/peer.ts'

function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd
}

/** Both ends of a connection over TCP or a path. */
async function connected(place: string | number, look: (accepted: Socket) => void): Promise<void> {
  const server = createServer()
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(place, resolve))
  const address = server.address()
  const client = typeof address === 'string' ? connect(address) : connect(address!.port, '127.0.0.1')
  try {
    look(await accepted)
  } finally {
    client.destroy()
    ;(await accepted).destroy()
    server.close()
  }
}

describe('peerOf', () => {
  it('tells who connected', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xg2g-peer-'))
    try {
      await connected(join(folder, 'a.sock'), (accepted) => {
        const { uid, gid } = userInfo()
        expect(peerOf(descriptorOf(accepted))).toEqual({ pid: process.pid, uid, gid })
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('knows nobody over TCP, in a file and behind a descriptor that is none', async () => {
    await connected(0, (accepted) => expect(peerOf(descriptorOf(accepted))).toBeUndefined())
    const file = openSync('/dev/null', 'r')
    expect(peerOf(file)).toBeUndefined()
    closeSync(file)
    expect(peerOf(-1)).toBeUndefined()
  })

  it.each([undefined, null, '3', {}])('refuses %j', (wrong) => {
    expect(() => peerOf(wrong as number)).toThrow(TypeError)
  })
})

describe('userId, userName, groupId', () => {
  it('know root and nobody else', () => {
    expect(peersAvailable()).toBe(true)
    expect(userId('root')).toBe(0)
    expect(groupId('root')).toBe(0)
    expect(userName(0)).toBe('root')
    expect(userId('no-such-user-here')).toBeUndefined()
    expect(groupId('no-such-group-here')).toBeUndefined()
    expect(userName(3_999_999_999)).toBeUndefined()
  })

  it('refuse what is no name', () => {
    expect(() => userId(5 as unknown as string)).toThrow(TypeError)
    expect(() => groupId(undefined as unknown as string)).toThrow(TypeError)
    expect(() => userName('root' as unknown as number)).toThrow(TypeError)
  })
})

describe('duplicate', () => {
  it('outlives the first descriptor', () => {
    const first = openSync('/dev/zero', 'r')
    const { rdev } = fstatSync(first)
    const second = duplicate(first)
    closeSync(first)
    expect(second).not.toBe(first)
    expect(fstatSync(second).rdev).toBe(rdev)
    closeSync(second)
  })

  it('says what the system says against it', () => {
    expect(() => duplicate(-1)).toThrow(/cannot be duplicated: Bad file descriptor/)
  })
})

describe('a missing addon', () => {
  afterEach(() => {
    vi.doUnmock('bindings')
    vi.resetModules()
  })

  const absent = () => {
    throw new Error('no file')
  }

  it.each([
    ['there is none', absent, /native remuxer is missing/],
    ['one of an earlier version', () => ({ path: '/old/remux.node' }), /old\/remux.node is of an earlier/],
  ])('is told: %s', async (_, load, message) => {
    vi.resetModules()
    vi.doMock('bindings', () => ({ default: load }))
    const peer = await import('../../src/workers/peer.ts')
    expect(peer.peersAvailable()).toBe(false)
    expect(() => peer.peerOf(0)).toThrow(message)
    expect(() => peer.duplicate(0)).toThrow(expect.objectContaining({ code: 'ADDON_MISSING' }) as Error)
  })
})
