import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeActivated } from '../../src/jobs/activation.ts'
import { call, makeHouse, type House } from './callers.ts'

let house: House
let children: ChildProcess[]

beforeEach(() => {
  house = makeHouse()
  children = []
})
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await house.clear()
})

// As systemd starts a service: it listens, but answers nobody; the sockets are descriptors 3 and up; how many
// they are is told of in the environment.
const starter = `
import fcntl, os, socket, sys
sockets = []
for at in sys.argv[2].split(','):
    one = socket.socket(socket.AF_INET if at == 'tcp' else socket.AF_UNIX)
    one.bind(('127.0.0.1', 0) if at == 'tcp' else at)
    if at != 'tcp': os.chmod(at, 0o640)
    one.listen()
    sockets.append(fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 100))
for number, fd in enumerate(sockets): os.dup2(fd, 3 + number)
os.environ.update(LISTEN_PID=sys.argv[1] or str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES='a')
os.execv(sys.argv[3], sys.argv[3:])`

/** @param sockets  'tcp' or paths
 *  @param pid      whom they are meant for; the process itself unless given */
function start(sockets: readonly string[], path: string, pid = ''): ChildProcess {
  const program = [process.execPath, join(import.meta.dirname, 'activated.ts'), path]
  const child = spawn('python3', ['-c', starter, pid, sockets.join(), ...program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

async function firstLine(child: ChildProcess): Promise<unknown> {
  const [text] = (await once(child.stdout!, 'data')) as [Buffer]
  return JSON.parse(text.toString())
}

describe('a door that systemd listens for', () => {
  it('answers there, and neither changes nor removes the socket', async () => {
    const path = join(house.folder, 'systemd.sock')
    const child = start([path], house.path)
    expect(await firstLine(child)).toEqual({ isActivated: true, left: [] })
    const { ino, mode, ctimeMs } = lstatSync(path)
    expect(mode & 0o777).toBe(0o640)
    expect((await call(path, 'to and fro')).toString()).toBe('to and fro')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(existsSync(house.path)).toBe(false)
    expect(lstatSync(path)).toMatchObject({ ino, mode, ctimeMs })
  })

  it('takes the first of its kind', async () => {
    const [first, second] = ['first.sock', 'second.sock'].map((name) => join(house.folder, name))
    const child = start(['tcp', first!, second!], house.path)
    expect(await firstLine(child)).toEqual({ isActivated: true, left: [] })
    expect((await call(first!, 'to and fro')).toString()).toBe('to and fro')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it.each([
    ['there is none of its kind', 'tcp', ''],
    ['they are meant for another process', 'systemd.sock', '1'],
  ])('goes by its path where %s', async (_, socket, pid) => {
    const child = start([socket === 'tcp' ? socket : join(house.folder, socket)], house.path, pid)
    expect(await firstLine(child)).toEqual({ isActivated: false, left: [] })
    expect((await call(house.path, 'to and fro')).toString()).toBe('to and fro')
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(existsSync(house.path)).toBe(false)
  })
})

describe('takeActivated', () => {
  it.each([
    {},
    { LISTEN_FDS: '1' },
    { LISTEN_PID: String(process.pid) },
    { LISTEN_PID: String(process.pid), LISTEN_FDS: 'many' },
    { LISTEN_PID: String(process.pid), LISTEN_FDS: '-1' },
    { LISTEN_PID: String(process.pid), LISTEN_FDS: '1.5' },
    { LISTEN_PID: '1', LISTEN_FDS: '1' },
  ])('finds nothing in %j, and clears it', (told) => {
    const env = { ...told, LISTEN_FDNAMES: 'a', LISTEN_PIDFDID: '5', PATH: '/bin' }
    expect(takeActivated(env)).toBeUndefined()
    expect(env).toEqual({ PATH: '/bin' })
  })
})
