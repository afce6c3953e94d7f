// The job socket of a daemon, used by the programs that people have: streams back, and channels published.
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { exchange } from '../jobs/office.ts'
import { readStream } from '../stream/programme.ts'
import { ask, read, viewer } from '../stream/viewers.ts'
import { makeSample, remuxed } from '../workers/sample.ts'
import { open, type House } from './house.ts'

const execute = promisify(execFile)
const repository = resolve(import.meta.dirname, '../..')
const example = (name: string) => join(repository, 'etc/jobs', name)
const has = (program: string) => spawnSync('which', [program]).status === 0

let folder = ''
let path = ''
let house: House
let sample: Buffer
let input = ''
let expected: Buffer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'xg2g-jobs-'))
  path = join(folder, 'remux.sock')
  house = await open({ streams: ['mpeg2'] }, { XG2G_UDS_PATH: path, XG2G_LINGER: '0s' })
  sample = makeSample(6)
  input = join(folder, 'in.ts')
  writeFileSync(input, sample)
  const output = join(folder, 'expected.ts')
  await execute(join(repository, 'xg2g'), ['remux', input, output])
  expected = readFileSync(output)
}, 180_000)
afterAll(async () => {
  await house.close()
  expect(existsSync(path)).toBe(false)
  rmSync(folder, { recursive: true })
})

describe('a stream through the socket is what ./xg2g remux makes of it', () => {
  const shell = (command: string) => execute('sh', ['-c', command], { timeout: 60_000 })
  it.each([
    ['socat', has('socat'), () => `socat -t 30 - UNIX-CONNECT:${path} < ${input}`],
    ['Python', has('python3'), () => `python3 ${example('remux.py')} - - ${path} < ${input}`],
    ['Node', true, () => `${process.execPath} ${example('remux.mjs')} - - ${path} < ${input}`],
  ])('from %s', async (name, isThere, command) => {
    expect(isThere, `${name} is not installed: make test-packages`).toBe(true)
    const output = join(folder, `${name}.ts`)
    await shell(`${command()} > ${output}`)
    expect(readFileSync(output).equals(expected)).toBe(true)
  })

  it('from ffmpeg and back to ffmpeg, by way of socat', async () => {
    const remade = join(folder, 'remade.ts')
    await shell(
      `ffmpeg -v error -i ${input} -c copy -f mpegts - | socat -t 30 - UNIX-CONNECT:${path} | ffmpeg -v error -xerror -y -i - -c copy ${remade}`,
    )
    const { stdout } = await execute('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name',
      '-of',
      'csv=p=0',
      remade,
    ])
    expect(stdout).toMatch(/mpeg2video[^]*aac/)
  })

  it('from an ffmpeg that writes to the socket itself and reads nothing', async () => {
    const { stderr } = await shell(`ffmpeg -v error -i ${input} -t 1 -c copy -f mpegts unix:${path}`)
    expect(stderr).toBe('')
  })

  it('and says why where there is none', async () => {
    const noise = join(folder, 'noise')
    writeFileSync(noise, Buffer.alloc(100_000, 'x'))
    for (const client of ['remux.py', 'remux.mjs'].map(example))
      await expect(shell(`${client} ${noise} - ${path}`)).rejects.toMatchObject({
        stderr: expect.stringContaining('no stream') as string,
      })
  })
})

describe('a hundred streams at once', () => {
  it('come back right, and twenty viewers notice nothing', async () => {
    const url = `/${house.ref('mpeg2')}`
    const viewers = Array.from({ length: 20 }, () => viewer(house.proxyPort, url))
    const begin = await Promise.all(viewers.map((each) => read(each, 50_000)))
    const short = sample.subarray(0, sample.length / 3)
    const right = remuxed(short)
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => exchange(connect({ path, allowHalfOpen: true }), short)),
    )
    expect(answers.filter((answer) => !answer.equals(right))).toEqual([])
    const rest = await Promise.all(viewers.map((each) => read(each, 200_000)))
    for (const [at, bytes] of rest.entries()) {
      const whole = Buffer.concat([begin[at] ?? Buffer.alloc(0), bytes])
      const body = whole.subarray(whole.indexOf('\r\n\r\n') + 4)
      expect(readStream(body.subarray(0, body.length - (body.length % 188)))).toMatchObject({
        faults: [],
        breaks: 0,
      })
    }
    for (const each of viewers) each.destroy()
    expect(await house.metric('xg2g_stream_slow_clients_total{end="skipped"}')).toBe(0)
    expect(await house.metric('xg2g_worker_restarts_total')).toBe(0)
  }, 120_000)
})

// Sends the sample over and over, at about the pace of life, until the socket closes.
function broadcast(socket: Socket): void {
  const pieceBytes = Math.ceil(sample.length / 60)
  let at = 0
  const timer = setInterval(() => {
    socket.write(sample.subarray(at, at + pieceBytes))
    at = at + pieceBytes >= sample.length ? 0 : at + pieceBytes
  }, 100)
  socket.once('close', () => clearInterval(timer))
}

async function publish(order: object): Promise<{ socket: Socket; channel: { id: string; number: number } }> {
  const socket = connect({ path, allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.write(`${JSON.stringify({ mode: 'publish', ...order })}\n`)
  const [line] = (await once(socket, 'data')) as [Buffer]
  socket.resume()
  return { socket, ...(JSON.parse(line.toString()) as { channel: { id: string; number: number } }) }
}

describe('a published stream', () => {
  const api = (at: string) => fetch(`http://127.0.0.1:${house.daemon.apiPort}${at}`)
  const channels = async () =>
    (
      (await (await api('/api/v1/channels')).json()) as {
        channels: { id: string; name: string; stream: string }[]
      }
    ).channels

  it('is a channel in lists, playlist and proxy, for as long as its connection lives', async () => {
    await vi.waitFor(async () => expect((await api('/playlist.m3u')).status).toBe(200), { timeout: 20_000 })
    const before = await channels()
    const { socket, channel } = await publish({ name: 'Party' })
    broadcast(socket)
    expect((await channels()).at(-1)).toMatchObject({ id: channel.id, name: 'Party' })
    const playlist = await (await api('/playlist.m3u')).text()
    expect(playlist).toContain(`:${house.proxyPort}/stream/${channel.id}\n`)

    const first = viewer(house.proxyPort, `/stream/${channel.id}`)
    await read(first, 300_000)
    const { status, body } = await ask(house.proxyPort, `/auto/v${channel.number}?duration=2`)
    expect(status).toBe(200)
    const file = join(folder, 'party.ts')
    writeFileSync(file, body)
    const { stdout, stderr } = await execute('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name',
      '-of',
      'csv=p=0',
      file,
    ])
    expect([/aac/.exec(stdout)?.[0], stderr]).toEqual(['aac', ''])

    socket.destroy()
    if (!first.closed) await once(first.resume(), 'close')
    await vi.waitFor(async () => expect(await channels()).toEqual(before))
    expect((await ask(house.proxyPort, `/stream/${channel.id}`)).status).toBe(404)
    await vi.waitFor(async () => expect(await house.metric('xg2g_feeds')).toBe(0))
  })

  it('keeps its name from another program, and its id from one time to the next', async () => {
    const { socket, channel } = await publish({ name: 'Kamera', number: 77 })
    expect(channel.number).toBe(77)
    const other = connect(path)
    other.write('{"mode":"publish","name":"kamera"}\n')
    const [line] = (await once(other, 'data')) as [Buffer]
    expect(JSON.parse(line.toString())).toMatchObject({ error: { code: 'NAME_TAKEN' } })
    socket.end()
    await vi.waitFor(async () => expect((await channels()).map(({ name }) => name)).not.toContain('Kamera'))
    const again = await publish({ name: 'Kamera' })
    expect(again.channel.id).toBe(channel.id)
    again.socket.end()
  })
})
