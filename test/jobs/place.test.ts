import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { longestPathBytes, Place } from '../../src/jobs/place.ts'
import { call, connected, descriptors, leaveSocket, makeHouse, type House } from './callers.ts'

const nobody = 65534
const isRoot = process.getuid?.() === 0
const otherGroup = isRoot ? 1 : process.getgid?.()

let house: House
let servers: Server[]

beforeEach(() => {
  house = makeHouse()
  servers = []
})
afterEach(async () => {
  for (const server of servers) server.close()
  await house.clear()
})

async function listening(path: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('here'))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  return server
}

/** Found, bound and published, as a door does it. */
async function settle(path: string): Promise<{ place: Place; server: Server }> {
  const place = await Place.find(path)
  const server = await listening(place.draft)
  place.publish({ mode: 0o600, gid: undefined })
  return { place, server }
}

function refusal(message: RegExp): Error {
  return expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
  }) as Error
}

describe('Place.find', () => {
  it('makes the folder where it is missing, for everybody to pass through, whatever the umask', async () => {
    const path = join(house.folder, 'run/xg2g/remux.sock')
    const umask = process.umask(0o077)
    try {
      const { place } = await settle(path)
      expect(statSync(join(house.folder, 'run/xg2g')).mode & 0o777).toBe(0o755)
      expect((await call(path)).toString()).toBe('here')
      place.close()
    } finally {
      process.umask(umask)
    }
  })

  it('replaces a socket that nobody listens on', async () => {
    await leaveSocket(house.path)
    const { ino } = lstatSync(house.path)
    const { place } = await settle(house.path)
    expect(lstatSync(house.path).ino).not.toBe(ino)
    expect((await call(house.path)).toString()).toBe('here')
    place.close()
  })

  it('leaves a socket alone that somebody listens on, and names it', async () => {
    await listening(house.path)
    const { ino, ctimeMs } = lstatSync(house.path)
    await expect(Place.find(house.path)).rejects.toThrow(
      refusal(/door-.*remux\.sock: somebody listens there/),
    )
    expect(lstatSync(house.path)).toMatchObject({ ino, ctimeMs })
    expect((await call(house.path)).toString()).toBe('here')
  })

  it('leaves a file, a folder and a link alone', async () => {
    const aim = join(house.folder, 'aim')
    writeFileSync(aim, 'precious', { mode: 0o640 })
    writeFileSync(join(house.folder, 'file'), 'precious', { mode: 0o640 })
    mkdirSync(join(house.folder, 'sub'), { mode: 0o750 })
    symlinkSync(aim, join(house.folder, 'link'))
    symlinkSync('/nowhere', join(house.folder, 'dangling'))
    await leaveSocket(join(house.folder, 'stale'))
    symlinkSync(join(house.folder, 'stale'), join(house.folder, 'to-stale'))
    for (const name of ['file', 'sub', 'link', 'dangling', 'to-stale'])
      await expect(Place.find(join(house.folder, name))).rejects.toThrow(refusal(/something else/))
    for (const name of ['aim', 'file']) {
      expect(readFileSync(join(house.folder, name), 'utf8')).toBe('precious')
      expect(statSync(join(house.folder, name)).mode & 0o777).toBe(0o640)
    }
    expect(statSync(join(house.folder, 'sub')).mode & 0o777).toBe(0o750)
    expect(readlinkSync(join(house.folder, 'link'))).toBe(aim)
    expect(lstatSync(join(house.folder, 'stale')).isSocket()).toBe(true)
  })

  it.skipIf(!isRoot)('leaves a socket of another user alone, also where nobody listens', async () => {
    await leaveSocket(house.path)
    chownSync(house.path, nobody, nobody)
    await expect(Place.find(house.path)).rejects.toThrow(refusal(/a socket of another user \(65534\)/))
    expect(lstatSync(house.path).uid).toBe(nobody)
  })

  it.skipIf(!isRoot)('refuses a folder of another user', async () => {
    chownSync(house.folder, nobody, nobody)
    await expect(Place.find(house.path)).rejects.toThrow(refusal(/belongs to another user \(65534\)/))
  })

  it.each([0o777, 0o775, 0o757])('refuses a folder that others may write to: %o', async (mode) => {
    chmodSync(house.folder, mode)
    await expect(Place.find(house.path)).rejects.toThrow(refusal(/others may write to .*door-\w+: /))
    expect(readdirSync(house.folder)).toEqual([])
  })

  it('takes a folder where others may write but move nothing of ours', async () => {
    chmodSync(house.folder, 0o1777)
    const { place } = await settle(house.path)
    expect((await call(house.path)).toString()).toBe('here')
    place.close()
  })

  it('takes a path as long as the system does, and says so of a longer one', async () => {
    const longest = `${house.folder}/`.padEnd(longestPathBytes, 'x')
    const { place } = await settle(longest)
    expect((await call(longest)).toString()).toBe('here')
    place.close()
    expect(readdirSync(house.folder)).toEqual([])
    await expect(Place.find(`${longest}x`)).rejects.toThrow(
      refusal(/Expected at most 107 bytes but received 108/),
    )
    // Bytes, not characters.
    await expect(Place.find(`${longest.slice(0, -1)}\u00e4`)).rejects.toThrow(refusal(/received 108/))
  })

  it('says what the system says, by the path that is meant', async () => {
    await expect(Place.find('/proc/xg2g/remux.sock')).rejects.toThrow(refusal(/E[A-Z]+.*'\/proc\/xg2g'/))
    writeFileSync(join(house.folder, 'file'), '')
    await expect(Place.find(join(house.folder, 'file/remux.sock'))).rejects.toThrow(refusal(/ENOTDIR/))
    await expect(Place.find('/proc/remux.sock')).rejects.toThrow(refusal(/E\w+: .*'\/proc\/\./))
  })

  it('leaves no descriptor open where it fails', async () => {
    writeFileSync(house.path, '')
    await Place.find(house.path).catch(() => undefined)
    const before = descriptors()
    for (let i = 0; i < 50; i++) await Place.find(house.path).catch(() => undefined)
    expect(descriptors()).toBe(before)
  })
})

describe('Place.publish', () => {
  it('leaves nothing but the socket', async () => {
    const { place } = await settle(house.path)
    expect(readdirSync(house.folder)).toEqual(['remux.sock'])
    place.close()
    expect(readdirSync(house.folder)).toEqual([])
  })

  it.each(['nothing', 'a socket that nobody listens on'])(
    'takes nobody their place who came meanwhile, where there was %s',
    async (before) => {
      if (before !== 'nothing') await leaveSocket(house.path)
      const place = await Place.find(house.path)
      await listening(place.draft)
      if (before !== 'nothing') unlinkSync(house.path)
      writeFileSync(house.path, 'precious', { mode: 0o640 })
      expect(() => place.publish({ mode: 0o666, gid: otherGroup })).toThrow(refusal(/EEXIST|meanwhile/))
      expect(readFileSync(house.path, 'utf8')).toBe('precious')
      expect(statSync(house.path)).toMatchObject({ mode: 0o100640, gid: process.getgid?.() })
      place.close()
      expect(readdirSync(house.folder)).toEqual(['remux.sock'])
    },
  )

  it('follows no link that was put in its place', async () => {
    const aim = join(house.folder, 'aim')
    writeFileSync(aim, 'precious', { mode: 0o640 })
    await leaveSocket(house.path)
    const place = await Place.find(house.path)
    await listening(place.draft)
    unlinkSync(house.path)
    symlinkSync(aim, house.path)
    expect(() => place.publish({ mode: 0o666, gid: otherGroup })).toThrow(refusal(/meanwhile/))
    place.close()
    expect(readlinkSync(house.path)).toBe(aim)
    expect(statSync(aim)).toMatchObject({ mode: 0o100640, gid: process.getgid?.() })
  })

  it('goes into the folder that was looked at, not into one that was put in its place', async () => {
    const [folder, moved, other] = ['run', 'moved', 'other'].map((name) => join(house.folder, name))
    mkdirSync(folder!)
    mkdirSync(other!)
    await leaveSocket(join(other!, 'remux.sock'))
    const place = await Place.find(join(folder!, 'remux.sock'))
    await listening(place.draft)
    renameSync(folder!, moved!)
    symlinkSync(other!, folder!)
    const { ino, ctimeMs } = lstatSync(join(other!, 'remux.sock'))
    place.publish({ mode: 0o600, gid: undefined })
    expect((await call(join(moved!, 'remux.sock'))).toString()).toBe('here')
    place.close()
    expect(readdirSync(moved!)).toEqual([])
    expect(lstatSync(join(other!, 'remux.sock'))).toMatchObject({ ino, ctimeMs })
  })
})

describe('Place.remove', () => {
  it('removes what it has published, and nothing that has taken its place', async () => {
    const { place, server } = await settle(house.path)
    unlinkSync(house.path)
    await listening(house.path)
    place.remove()
    server.close() // Node removes the name that it was bound to
    place.close()
    expect((await call(house.path)).toString()).toBe('here')
  })

  it('may be called again, after close() too', async () => {
    const { place } = await settle(house.path)
    place.remove()
    place.remove()
    place.close()
    writeFileSync(house.path, 'precious')
    place.remove()
    place.close()
    expect(readFileSync(house.path, 'utf8')).toBe('precious')
  })
})

describe('a path that is still being made', () => {
  it('is never there without an answer', async () => {
    const place = await Place.find(house.path)
    await expect(connected(house.path)).rejects.toThrow('ENOENT')
    await listening(place.draft)
    await expect(connected(house.path)).rejects.toThrow('ENOENT')
    place.publish({ mode: 0o600, gid: undefined })
    expect((await call(house.path)).toString()).toBe('here')
    place.close()
  })
})
