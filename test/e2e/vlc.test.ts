// VLC on the proxy port, judged by its log: its exit code is always 0.
import { execFile, spawnSync } from 'node:child_process'
import { chownSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { open, type House } from './house.ts'

const hasVlc = spawnSync('vlc', ['--help']).error === undefined
if (!hasVlc) process.stderr.write('SKIPPED: vlc is not installed (vlc-bin, vlc-plugin-base)\n')

const nobody = 65_534 // VLC refuses root

describe.skipIf(!hasVlc)('VLC', () => {
  let house: House
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'xg2g-vlc-'))
    if (process.getuid?.() === 0) chownSync(folder, nobody, nobody)
    house = await open()
  }, 180_000)
  afterAll(async () => {
    await house.close()
    await rm(folder, { recursive: true })
  })

  async function vlc(args: readonly string[], seconds = 5): Promise<string> {
    const environment = { HOME: folder, XDG_RUNTIME_DIR: folder, PATH: process.env.PATH }
    const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
    const common = ['-I', 'dummy', '--no-dbus', '--run-time', String(seconds), '--play-and-exit', '-vv']
    const { stderr } = await promisify(execFile)('vlc', [...common, ...args, 'vlc://quit'], {
      ...asNobody,
      env: environment,
      cwd: folder,
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    })
    return stderr
  }

  it('plays picture and sound without a discontinuity', async () => {
    const log = (await vlc(['--aout', 'dummy', '--vout', 'dummy', house.url('mpeg2')])).split('\n')
    const about = (what: RegExp) => log.filter((line) => what.test(line))
    expect(about(/has now es fcc=mp4a/)).toHaveLength(1)
    expect(about(/AAC channels: 2 samplerate: 48000/)).toHaveLength(1)
    expect(about(/Received first picture/)).toHaveLength(1)
    expect(about(/PMTCallBack/)).toHaveLength(1)
    expect(about(/discontinuity received|libdvbpsi error|invalid (PAT|PMT)|lost cc/i)).toEqual([])
  })

  it('decodes the sound for as long as it played', async () => {
    const file = join(folder, 'sound.wav')
    await vlc([
      '--sout',
      `#transcode{acodec=s16l,vcodec=none}:std{access=file,mux=wav,dst=${file}}`,
      house.url('radio-mp2'),
    ])
    const bytesPerSecond = 48_000 * 2 * 2
    expect(statSync(file).size).toBeGreaterThan(3 * bytesPerSecond)
  })

  it('plays on when the receiver’s connection breaks, twice, with sound all the while', async () => {
    const file = join(folder, 'broken.wav')
    house.demo.faults.add('mpeg2', { kind: 'drop', afterMs: 4000 }, 2)
    const log = await vlc(
      [
        '--sout',
        `#transcode{acodec=s16l,vcodec=none}:std{access=file,mux=wav,dst=${file}}`,
        house.url('mpeg2'),
      ],
      16,
    )
    expect(await house.metric('xg2g_upstream_reconnects_total')).toBe(2)
    const bytesPerSecond = 48_000 * 2 * 2
    expect(statSync(file).size).toBeGreaterThan(11 * bytesPerSecond)
    expect(log).not.toMatch(/invalid (PAT|PMT)|CRC error/i)
  }, 60_000)
})
