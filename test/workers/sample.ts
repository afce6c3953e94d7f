// A short broadcast for the tests with the real addon: MPEG-2 picture, MP2 sound, made with ffmpeg.
import { execFileSync } from 'node:child_process'
import { patientSettleMs, Remuxer } from '../../src/workers/native.ts'
import { defaultProfile, type Profile } from '../../src/workers/profile.ts'

/** A transport stream of so many seconds, about 1 Mbit/s. */
export function makeSample(seconds: number): Buffer {
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=352x288:rate=25:duration=${seconds}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`]
  const video = ['-c:v', 'mpeg2video', '-b:v', '700k', '-g', '12']
  const audio = ['-c:a', 'mp2', '-b:a', '192k', '-ac', '2', '-metadata:s:a:0', 'language=deu']
  const args = ['-v', 'error', ...picture, ...sound, ...video, ...audio, '-f', 'mpegts', 'pipe:1']
  return execFileSync('ffmpeg', args, { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 })
}

/** What `./xg2g remux` makes of the bytes. */
export function remuxed(bytes: Uint8Array, profile: Profile = defaultProfile): Buffer {
  using remuxer = new Remuxer(profile, { settleMs: patientSettleMs })
  const window = Buffer.alloc(256 * 1024)
  const pieces: Buffer[] = []
  const take = (first: number) => {
    for (let length = first; length > 0; length = remuxer.pull(window))
      pieces.push(Buffer.from(window.subarray(0, length)))
  }
  for (let at = 0; at < bytes.length; at += 65_536)
    take(remuxer.push(bytes.subarray(at, at + 65_536), window))
  remuxer.flush()
  take(remuxer.pull(window))
  return Buffer.concat(pieces)
}
