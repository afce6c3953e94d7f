// The transcoder as a process of its own: started by nobody in particular, used with curl, ended by a signal.
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { outcome, type Outcome } from '../cli/command.ts'
import { StreamServer } from '../stream/packets.ts'
import { makeSample } from '../workers/sample.ts'

const execute = promisify(execFile)
const repository = resolve(import.meta.dirname, '../..')
const nobody = { uid: 65_534, gid: 65_534 }
const isRoot = process.getuid?.() === 0
// Where nobody cannot even see the program, root has to do.
const mayBeNobody = isRoot && spawnSync('test', ['-r', join(repository, 'xg2g')], nobody).status === 0

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Started {
  readonly url: string
  readonly folder: string
  readonly kill: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Outcome>
  /** What it has logged so far. */
  readonly logged: () => string
}

/** Starts `./xg2g transcoder` in a folder that it cannot write to. */
async function start(env: Record<string, string> = {}, args: string[] = []): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-'))
  closers.push(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o555)
  const { PATH = '' } = process.env
  const child = spawn(join(repository, 'xg2g'), ['transcoder', ...args], {
    cwd: folder,
    env: {
      PATH,
      NODE_COMPILE_CACHE: join(folder, 'cache'),
      XG2G_UDS_PATH: 'off',
      XG2G_TRANSCODER_LISTEN: '127.0.0.1:0',
      XG2G_WORKERS: '1',
      ...env,
    },
    ...(mayBeNobody && nobody),
  })
  closers.push(() => child.kill('SIGKILL'))
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  const ended = outcome(child)
  const port = () => /"port":(\d+).*"msg":"started"/.exec(text)?.[1]
  await vi.waitFor(() => expect(port()).toBeDefined(), { timeout: 25_000, interval: 50 })
  const kill = (signal: NodeJS.Signals) => void child.kill(signal)
  return { url: `http://127.0.0.1:${port()}`, folder, kill, ended, logged: () => text }
}

const codecsOf = async (file: string) => {
  const args = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', file]
  const { stdout } = await execute('ffprobe', args)
  return [...new Set(stdout.split(/[\s,]+/).filter((word) => word !== ''))].sort()
}

describe('xg2g transcoder', () => {
  it('remuxes for curl, as nobody and with nothing to write to, until SIGTERM', async () => {
    const sample = makeSample(2)
    const server = await StreamServer.start((socket) => {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${sample.length}\r\n\r\n`
      socket.end(Buffer.concat([Buffer.from(head), sample]))
    })
    closers.push(() => server.close())
    const files = mkdtempSync(join(tmpdir(), 'xg2g-'))
    closers.push(() => rmSync(files, { recursive: true }))
    const [input, posted, fetched] = ['in.ts', 'posted.ts', 'fetched.ts'].map((name) => join(files, name))
    writeFileSync(input!, sample)
    const { url, folder, kill, ended } = await start({
      XG2G_TRANSCODER_SOURCES: `127.0.0.1:${server.port}`,
    })
    const curl = (...args: string[]) => execute('curl', ['-sS', '--fail-with-body', ...args])

    await curl('-X', 'POST', '-T', input!, `${url}/audio-remux?bitrate=128k`, '-o', posted!)
    expect(await codecsOf(posted!)).toEqual(['aac', 'mpeg2video'])
    const source = `source=http://127.0.0.1:${server.port}/a`
    await curl('-G', '--data-urlencode', source, `${url}/audio-remux`, '-d', 'audio=mp3', '-o', fetched!)
    expect(await codecsOf(fetched!)).toEqual(['mp3', 'mpeg2video'])
    const answers = await Promise.all(
      ['/healthz', '/readyz', '/metrics', '/nothing', '/audio-remux?source=http://127.0.0.1:9/'].map(
        async (path) => {
          const response = await fetch(url + path)
          return [response.status, await response.text()] as const
        },
      ),
    )
    expect(answers).toEqual([
      [200, '{"status":"ok"}'],
      [200, '{"status":"ready"}'],
      [200, expect.stringMatching(/^http_request_duration_seconds_count\{path="\/audio-remux"\} 2$/m)],
      [404, expect.stringContaining('"NOT_FOUND"')],
      [403, expect.stringContaining('"FORBIDDEN"')],
    ])
    expect(readdirSync(folder)).toEqual([])

    kill('SIGTERM')
    const { code, stdout, stderr } = await ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.toString().trim().split('\n').at(-1)).toContain('"msg":"stopped"')
  })

  it('lets a stream that is being posted come to its end after SIGTERM', async () => {
    const sample = makeSample(2)
    const { url, kill, ended } = await start()
    const child = spawn('curl', ['-sS', '-N', '-X', 'POST', '-T', '.', `${url}/audio-remux`])
    closers.push(() => child.kill('SIGKILL'))
    const sent = outcome(child)
    child.stdin.write(sample.subarray(0, sample.length / 2))
    await new Promise((first) => child.stdout.once('data', first))
    kill('SIGTERM')
    await vi.waitFor(async () => expect(await fetch(url).catch(() => 'closed')).toBe('closed'))
    child.stdin.end(sample.subarray(sample.length / 2))
    const { code, stdout } = await sent
    expect([code, stdout.length % 188]).toEqual([0, 0])
    expect(stdout.length).toBeGreaterThan(sample.length * 0.7)
    expect((await ended).code).toBe(0)
  })

  it('reads its configuration again by SIGHUP, and goes on with the one in effect where that is none', async () => {
    const files = mkdtempSync(join(tmpdir(), 'xg2g-'))
    closers.push(() => rmSync(files, { recursive: true }))
    chmodSync(files, 0o755)
    const [input, config, output] = ['in.ts', 'xg2g.yaml', 'out.ts'].map((name) => join(files, name))
    writeFileSync(input!, makeSample(2))
    writeFileSync(config!, 'audioCodec: aac\n')
    const { url, kill, ended, logged } = await start({}, ['--config', config!])
    const soundIs = async (codec: string) => {
      await execute('curl', ['-sS', '-X', 'POST', '-T', input!, `${url}/audio-remux`, '-o', output!])
      expect(await codecsOf(output!)).toEqual([codec, 'mpeg2video'])
    }
    const logs = (line: string) => vi.waitFor(() => expect(logged()).toContain(line))

    await soundIs('aac')
    writeFileSync(config!, 'audioCodec: mp3\nmostJobs: 5\n')
    kill('SIGHUP')
    await logs('"applied":["audioCodec"],"restart":["mostJobs"]')
    await soundIs('mp3')
    writeFileSync(config!, 'audioCodec: opus\n')
    kill('SIGHUP')
    await logs('configuration rejected')
    await soundIs('mp3')
    kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  it('is not ready and says so where it cannot change the sound', async () => {
    const env = { XG2G_USE_NATIVE_REMUXER: 'false', XG2G_FFMPEG: '/nowhere/ffmpeg' }
    const { url, kill, ended } = await start(env)
    const ready = await fetch(`${url}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'not ready', missing: ['engine'] }])
    const refused = await fetch(`${url}/audio-remux`, { method: 'POST', body: 'x' })
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining('FFMPEG_MISSING') as string,
    ])
    kill('SIGINT')
    expect((await ended).code).toBe(0)
  })
})
