// A short broadcast for the tests with the real addon: MPEG-2 picture, MP2 sound, made with ffmpeg.
import { execFileSync } from 'node:child_process'

/** A transport stream of so many seconds, about 1 Mbit/s. */
export function makeSample(seconds: number): Buffer {
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=352x288:rate=25:duration=${seconds}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`]
  const video = ['-c:v', 'mpeg2video', '-b:v', '700k', '-g', '12']
  const audio = ['-c:a', 'mp2', '-b:a', '192k', '-ac', '2', '-metadata:s:a:0', 'language=deu']
  const args = ['-v', 'error', ...picture, ...sound, ...video, ...audio, '-f', 'mpegts', 'pipe:1']
  return execFileSync('ffmpeg', args, { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 })
}
