import { createHash, randomBytes } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, statSync, writeFileSync, chmodSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from '../../src/base/config.ts'
import { AppError } from '../../src/base/errors.ts'
import type { Call, DoorOptions } from '../../src/jobs/door.ts'
import * as doors from '../../src/jobs/door.ts'
import { call, connected, descriptors, echo, makeHouse, python, turns, type House } from './callers.ts'

const { Door, openDoor } = doors
const nobody = 65534
const isRoot = process.getuid?.() === 0
const { uid, gid, username } = userInfo()
const nobodyElse = '3999999999' // a user who is not us

let house: House
beforeEach(() => {
  house = makeHouse()
})
afterEach(async () => {
  vi.doUnmock('bindings')
  vi.resetModules()
  await house.clear()
})

/** The door's module as it is with and without the addon. */
async function load(addon: string): Promise<typeof doors> {
  if (addon === 'there') return doors
  vi.resetModules()
  vi.doMock('bindings', () => ({
    default: () => {
      throw new Error('no file')
    },
  }))
  return await import('../../src/jobs/door.ts')
}

async function open(options: Partial<DoorOptions> = {}, addon = 'there'): Promise<doors.Door> {
  const loaded = await load(addon)
  const door = house.keep(new loaded.Door(house.options(options)))
  await door.listen()
  return door
}

async function metric(line: string): Promise<number> {
  const text = await house.metrics.registry.metrics()
  return Number(
    text
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.split(' ')[1],
  )
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Reads a call to its end, into shared windows of this size, and answers with the hash of it all. */
function digest(call: Call, windowBytes: number): Socket {
  const digest = createHash('sha256')
  let asked: Uint8Array | undefined
  const buffer = () => (asked = new Uint8Array(new SharedArrayBuffer(windowBytes)))
  const socket = call.open({
    buffer,
    callback: (length, view) => {
      expect(view).toBe(asked)
      digest.update(Uint8Array.from(view.subarray(0, length)))
      return true
    },
  })
  return socket.once('end', () => socket.end(digest.digest('hex')))
}

describe('Door.listen', () => {
  it('answers at its path with the permissions and the group it was given', async () => {
    await open({ mode: 0o660, group: String(gid) })
    const stat = statSync(house.path)
    expect(stat.isSocket()).toBe(true)
    expect(stat).toMatchObject({ uid, gid })
    expect(stat.mode & 0o7777).toBe(0o660)
    expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
    expect(readdirSync(house.folder)).toEqual(['remux.sock'])
    expect(house.lines).toMatchObject([{ msg: 'job socket opened', path: house.path, isActivated: false }])
  })

  it.skipIf(!isRoot)('knows groups by name', async () => {
    await open({ group: 'nogroup' })
    expect(statSync(house.path).gid).toBe(nobody)
  })

  it('never shows wider permissions than it was given, whatever the umask', async () => {
    const watch = `
import os, sys
seen = set()
open(sys.argv[2] + '.ready', 'w').close()
while os.path.exists(sys.argv[2]):
    try: seen.add(oct(os.lstat(sys.argv[1]).st_mode & 0o777))
    except FileNotFoundError: pass
print(sorted(seen))`
    const going = join(house.folder, 'going')
    writeFileSync(going, '')
    const watched = python(watch, [house.path, going])
    await vi.waitFor(() => expect(existsSync(`${going}.ready`)).toBe(true), { timeout: 20_000 })
    const umask = process.umask(0)
    try {
      for (let round = 0; round < 300; round++) {
        const door = new Door(house.options({ mode: 0o600 }))
        await door.listen()
        await door.close()
      }
      const last = house.keep(new Door(house.options({ mode: 0o600 })))
      await last.listen()
      await call(house.path)
    } finally {
      process.umask(umask)
      await python('import os, sys; os.unlink(sys.argv[1])', [going])
    }
    expect((await watched).trim()).toBe("['0o600']")
  })

  it.each([
    [{ users: ['no-such-user-here'] }, 'There is no user no-such-user-here, whom XG2G_UDS_USERS names'],
    [{ group: 'no-such-group-here' }, 'There is no group no-such-group-here, which XG2G_UDS_GROUP names'],
  ])('refuses %j', async (options, message) => {
    await expect(open(options)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message })
    expect(readdirSync(house.folder)).toEqual([])
  })

  it('leaves nothing behind where it fails', async () => {
    const failing = () => open({ path: join(house.folder, 'remux.sock'), group: '4294967290', mode: 0o666 })
    if (isRoot) chmodSync(house.folder, 0o777)
    await expect(failing()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    const before = descriptors()
    for (let i = 0; i < 20; i++) await expect(failing()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(descriptors()).toBe(before)
    expect(readdirSync(house.folder)).toEqual([])
  })

  it('leaves another one at the same path alone', async () => {
    await open()
    await expect(open()).rejects.toMatchObject({
      message: expect.stringContaining('somebody listens') as string,
    })
    expect((await call(house.path, 'still here')).toString()).toBe('still here')
  })

  it('takes the place of one that was killed', async () => {
    await python('import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', [house.path])
    await open()
    expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
  })
})

describe('Door.close', () => {
  it('removes the socket, and may be called again', async () => {
    const door = await open()
    await door.close()
    await door.close()
    expect(readdirSync(house.folder)).toEqual([])
    await expect(call(house.path)).rejects.toThrow('ENOENT')
  })

  it('leaves alone what has taken its place', async () => {
    const first = await open()
    await python('import os, sys; os.unlink(sys.argv[1])', [house.path])
    await open()
    await first.close()
    expect((await call(house.path, 'the second')).toString()).toBe('the second')
  })

  it.each(['there', 'missing'])('leaves calls alone that were handed over (addon %s)', async (addon) => {
    const door = await open({}, addon)
    const caller = connect({ path: house.path, allowHalfOpen: true })
    caller.write('one ')
    await new Promise((resolve) => caller.once('data', resolve))
    await door.close()
    const rest = new Promise<string>((resolve) => caller.once('data', (part) => resolve(part.toString())))
    caller.end('two')
    expect(await rest).toBe('two')
    await vi.waitFor(() => expect(door.calls).toBe(0))
  })

  it('while listening is being prepared leaves nothing behind', async () => {
    const before = descriptors()
    const door = new Door(house.options())
    const listening = door.listen()
    await door.close()
    await expect(listening).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    expect(readdirSync(house.folder)).toEqual([])
    expect(descriptors()).toBe(before)
  })
})

describe.each(['there', 'missing'])('Call.open (addon %s)', (addon) => {
  it('gets every byte of callers that write and half-close at once', async () => {
    const sizes = [1, 187, 188, 65_536, 65_537, 200_000, 1_000_003]
    let calls = 0
    await open({ onCall: (call) => void digest(call, [1, 7, 4096, 65_536][calls++ % 4]! + 1000) }, addon)
    const inputs = Array.from({ length: 140 }, (_, i) => randomBytes(sizes[i % sizes.length]!))
    const answers = await Promise.all(inputs.map((input) => call(house.path, input)))
    expect(answers.map(String)).toEqual(inputs.map(hash))
  })

  it('gets every byte when it is opened long after they came', async () => {
    const waiting: Call[] = []
    await open({ onCall: (call) => void waiting.push(call) }, addon)
    const inputs = [randomBytes(100_000), randomBytes(0), randomBytes(3_000_000)]
    const answers = inputs.map((input) => call(house.path, input))
    await vi.waitFor(() => expect(waiting).toHaveLength(3))
    // The first caller's bytes lie in the system by now; the others' wait for room there.
    await turns()
    for (const one of waiting) digest(one, 5000)
    expect((await Promise.all(answers)).map(String)).toEqual(inputs.map(hash))
  })

  it('pauses where it is told to, and goes on', async () => {
    let seen = 0
    let taken: Socket | undefined
    const window = new Uint8Array(new SharedArrayBuffer(1000))
    const onCall = (call: Call) => {
      const buffer = () => window
      const callback = (length: number) => (seen += length) < 0
      taken = call.open({ buffer, callback })
      taken.once('end', () => taken?.end('all'))
    }
    await open({ onCall }, addon)
    const answer = call(house.path, randomBytes(10_500))
    for (const expected of [...Array.from({ length: 10 }, (_, i) => 1000 * (i + 1)), 10_500]) {
      await vi.waitFor(() => expect(seen).toBe(expected))
      await turns()
      expect(seen).toBe(expected)
      taken?.resume()
    }
    expect((await answer).toString()).toBe('all')
    expect(seen).toBe(10_500)
  })

  it('keeps what was not sent at the other end: a paused call takes no memory', async () => {
    let seen = 0
    let taken: Socket | undefined
    const window = new Uint8Array(1000)
    const onCall = (call: Call) => {
      taken = call.open({ buffer: () => window, callback: (length) => (seen += length) < 0 })
      taken.on('error', () => undefined)
    }
    await open({ onCall }, addon)
    const caller = connect(house.path).on('error', () => undefined)
    caller.write(Buffer.alloc(8_000_000))
    await vi.waitFor(() => expect(seen).toBe(1000))
    await turns()
    expect(taken?.bytesRead).toBeLessThan(200_000)
    expect(caller.writableLength).toBeGreaterThan(0)
    caller.destroy()
    taken?.destroy()
  })

  it('is read without a copy where the addon is there', async () => {
    const copiers = new Promise<number>((resolve) => {
      void open({ onCall: (call) => resolve(digest(call, 1000).listenerCount('data')) }, addon).then(() =>
        call(house.path),
      )
    })
    expect(await copiers).toBe(addon === 'there' ? 0 : 1)
  })

  it('is closed by the end of both sides, and counts until then', async () => {
    const door = await open({}, addon)
    const callers = await Promise.all([connected(house.path), connected(house.path)])
    await vi.waitFor(() => expect(door.calls).toBe(2))
    expect(await metric('xg2g_socket_connections')).toBe(2)
    callers[0].end()
    callers[1].destroy()
    await vi.waitFor(() => expect(door.calls).toBe(0))
    expect(await metric('xg2g_socket_connections')).toBe(0)
  })

  it('tells who calls', async () => {
    const peers: Call['peer'][] = []
    const onCall = (call: Call) => {
      peers.push(call.peer)
      echo(call)
    }
    await open({ onCall }, addon)
    await call(house.path)
    expect(peers).toEqual([addon === 'there' ? { pid: process.pid, uid, gid } : undefined])
  })

  it('can be had once', async () => {
    const problems: unknown[] = []
    const onCall = (call: Call) => {
      echo(call)
      for (const again of [() => echo(call), () => call.refuse(new AppError('NOT_READY'))]) {
        try {
          again()
        } catch (error) {
          problems.push(error)
        }
      }
    }
    await open({ onCall }, addon)
    expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
    expect(problems).toEqual([expect.any(TypeError), expect.any(TypeError)])
  })
})

describe('Call.refuse', () => {
  it('says why in one line, also to who goes on writing', async () => {
    await open({ onCall: (call) => call.refuse(new AppError('POOL_FULL', { capacity: 4 })) })
    const line = '{"error":{"code":"POOL_FULL","message":"All 4 places for streams are taken"}}\n'
    expect((await call(house.path)).toString()).toBe(line)
    expect((await call(house.path, randomBytes(4_000_000))).toString()).toBe(line)
  })

  it('ends with who never stops, after a while', async () => {
    const door = await open({ onCall: (call) => call.refuse(new AppError('NOT_READY')) })
    const code = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    while True: s.sendall(bytes(10000))
except (BrokenPipeError, ConnectionResetError): print(s.recv(1000).decode())`
    expect(await python(code, [house.path])).toContain('"NOT_READY"')
    await vi.waitFor(() => expect(door.calls).toBe(0))
  })

  it('is what becomes of a call whose taker throws', async () => {
    const door = await open({
      onCall: () => {
        throw new AppError('NO_TUNER')
      },
    })
    expect((await call(house.path)).toString()).toBe(
      '{"error":{"code":"NO_TUNER","message":"No tuner is free"}}\n',
    )
    expect(house.lines.at(-1)).toMatchObject({ level: 'error', msg: 'call to the job socket failed' })
    await vi.waitFor(() => expect(door.calls).toBe(0))
  })
})

describe('who may come in', () => {
  const forbidden = (user: string) =>
    `{"error":{"code":"FORBIDDEN","message":"The user ${user} may not use this socket (XG2G_UDS_USERS)"}}\n`

  it.each([[username], [String(uid)], ['root', String(uid)]])(
    'lets in who is on the list: %s',
    async (...users) => {
      await open({ users })
      expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
    },
  )

  it('refuses, logs and counts who is not', async () => {
    let calls = 0
    await open({ users: [nobodyElse], onCall: () => (calls += 1) })
    expect((await call(house.path, randomBytes(300_000))).toString()).toBe(forbidden(username))
    const told = { level: 'warn', pid: process.pid, uid, gid, user: username }
    expect(house.lines.at(-1)).toMatchObject(told)
    expect(await metric('xg2g_socket_refused_total{reason="user"}')).toBe(1)
    expect(calls).toBe(0)
  })

  it.skipIf(!isRoot)('refuses another user of this machine', async () => {
    await open({ users: ['root'], mode: 0o666 })
    chmodSync(house.folder, 0o755)
    const code = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(bytes(50000))
answer = b''
while part := s.recv(65536): answer += part
print(os.getpid(), answer.decode(), end='')`
    const output = await python(code, [house.path], { uid: nobody, gid: nobody })
    const [pid, ...answer] = output.split(' ')
    expect(answer.join(' ')).toBe(forbidden('nobody'))
    expect(house.lines.at(-1)).toMatchObject({
      level: 'warn',
      msg: 'caller refused: not among the users of the job socket',
      pid: Number(pid),
      uid: nobody,
      user: 'nobody',
    })
    expect(await metric('xg2g_socket_refused_total{reason="user"}')).toBe(1)
    expect((await call(house.path, 'root')).toString()).toBe('root')
  })

  it.skipIf(!isRoot)('lets another user in where the list names them', async () => {
    await open({ users: ['nobody'], mode: 0o666 })
    chmodSync(house.folder, 0o755)
    const code = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'to and fro')
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())`
    expect(await python(code, [house.path], { uid: nobody, gid: nobody })).toBe('to and fro\n')
    expect((await call(house.path)).toString()).toBe(forbidden('root'))
  })

  it.skipIf(!isRoot)('leaves the rest to the permissions of the socket', async () => {
    await open({ mode: 0o660 })
    chmodSync(house.folder, 0o755)
    const code = `
import socket, sys
try: socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except PermissionError: print('no')`
    expect(await python(code, [house.path], { uid: nobody, gid: nobody })).toBe('no\n')
    expect(house.lines).toHaveLength(1)
  })

  it('keeps no place for who was refused', async () => {
    await open({ users: [nobodyElse], mostCalls: 1 })
    const lines = await Promise.all(Array.from({ length: 100 }, () => call(house.path)))
    expect(new Set(lines.map(String))).toEqual(new Set([forbidden(username)]))
    expect(await metric('xg2g_socket_refused_total{reason="user"}')).toBe(100)
    expect(await metric('xg2g_socket_connections')).toBe(0)
  })

  it('lets in so many at once', async () => {
    const door = await open({ mostCalls: 2 })
    const first = await connected(house.path)
    const second = await connected(house.path)
    await vi.waitFor(() => expect(door.calls).toBe(2))
    const line = '{"error":{"code":"LIMIT_REACHED","message":"All 2 connections are taken"}}\n'
    expect((await call(house.path)).toString()).toBe(line)
    expect(await metric('xg2g_socket_refused_total{reason="limit"}')).toBe(1)
    expect(house.lines.at(-1)).toMatchObject({ level: 'warn', mostCalls: 2, uid })
    first.destroy()
    await vi.waitFor(() => expect(door.calls).toBe(1))
    expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
    second.destroy()
  })

  it.each([
    [{ users: ['root'] }, 'XG2G_UDS_USERS needs the addon, which is missing: `make native` builds it'],
    [{ users: ['0'] }, 'XG2G_UDS_USERS needs the addon, which is missing: `make native` builds it'],
    [
      { group: 'root' },
      'A name in XG2G_UDS_GROUP needs the addon, which is missing: `make native` builds it',
    ],
  ])('does not open where it cannot tell: %j without the addon', async (options, message) => {
    await expect(open(options, 'missing')).rejects.toMatchObject({ code: 'ADDON_MISSING', message })
    expect(existsSync(house.path)).toBe(false)
  })
})

describe('openDoor', () => {
  const nowhere = '/proc/xg2g/remux.sock'
  const shared = () => {
    const { metrics, log, mostCalls, onCall, env } = house.options()
    return { metrics, log, mostCalls, onCall, env: env ?? {} }
  }

  it('opens what the configuration names', async () => {
    const env = { XG2G_UDS_PATH: house.path, XG2G_UDS_MODE: '0666', XG2G_UDS_USERS: `${username},0` }
    const door = await openDoor(loadConfig({ env }), shared())
    house.keep(door!)
    expect(lstatSync(house.path).mode & 0o777).toBe(0o666)
    expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
  })

  it('opens nothing where it is switched off', async () => {
    expect(await openDoor(loadConfig({ env: { XG2G_UDS_PATH: '' } }), shared())).toBeUndefined()
    expect(house.lines).toEqual([])
  })

  it('warns and goes on without where only the default cannot be had', async () => {
    const config = { ...loadConfig({ env: {} }), udsPath: nowhere }
    expect(await openDoor(config, shared())).toBeUndefined()
    expect(house.lines).toMatchObject([
      { level: 'warn', path: nowhere, reason: expect.stringContaining("mkdir '/proc/xg2g'") as string },
    ])
  })

  it.each([{ XG2G_UDS_PATH: nowhere }, { XG2G_UDS_USERS: 'root' }, { XG2G_UDS_MODE: '0666' }])(
    'stops the start where %j was set and cannot be had',
    async (env) => {
      const config = { ...loadConfig({ env }), udsPath: nowhere }
      await expect(openDoor(config, shared())).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(
          /^The job socket cannot be at \/proc\/xg2g\/remux.sock: E[A-Z]+: /,
        ) as string,
      })
    },
  )
})

describe.each(['there', 'missing'])('1,000 calls (addon %s)', (addon) => {
  it('leave no descriptor behind, however they end', async () => {
    let calls = 0
    const door = await open(
      { onCall: (call) => (calls++ % 3 === 0 ? call.refuse(new AppError('NOT_READY')) : echo(call)) },
      addon,
    )
    const lap = async (rounds: number) => {
      for (let round = 0; round < rounds; round++) {
        const others = await Promise.all([connected(house.path), connected(house.path)])
        const first = await connected(house.path)
        for (const one of others)
          one
            .on('error', () => undefined)
            .resume()
            .end('x')
        first.destroy()
        await call(house.path, 'to and fro')
      }
      await vi.waitFor(() => expect(door.calls).toBe(0))
    }
    await lap(1)
    await turns()
    const before = descriptors()
    await lap(250)
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before))
    expect(calls).toBe(1004)
  })
})
