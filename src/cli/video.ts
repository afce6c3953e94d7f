// New video for `remux --video`: one ffmpeg process behind the native remuxer. It encodes the picture only;
// sound, subtitles and timestamps pass as they come out of the remuxer.
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'
import { AppError } from '../base/errors.ts'

export const videoTargets = ['copy', 'h264', 'hevc'] as const
export type VideoTarget = (typeof videoTargets)[number]

const longestComplaint = 4000 // characters of ffmpeg's stderr that are kept
const keyFrames = ['-force_key_frames', 'expr:gte(t,n_forced*2)'] // every 2 s, so that a player can join

/** ffmpeg at work: write a transport stream, read one. */
export class VideoEncoder {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #exit: Promise<number | null>
  #complaint = ''

  private constructor(args: readonly string[]) {
    this.#process = spawn('ffmpeg', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#exit = new Promise((resolve) => {
      this.#process.once('exit', resolve)
      this.#process.once('error', () => resolve(null))
    })
    this.#process.stdin.on('error', () => undefined) // its exit code and stderr say why
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-longestComplaint)
    })
  }

  /** Starts ffmpeg. @throws FFMPEG_FAILED if ffmpeg or the encoder is not there */
  static async start(
    target: Exclude<VideoTarget, 'copy'>,
    device: string | undefined,
  ): Promise<VideoEncoder> {
    const encoder = encoderFor(target, device)
    await checkEncoder(encoder)
    return new VideoEncoder(ffmpegArguments(encoder, device))
  }

  /** Resolves when ffmpeg wants more. @throws FFMPEG_FAILED */
  async write(bytes: Uint8Array): Promise<void> {
    const { stdin } = this.#process
    // A copy, since ffmpeg takes the bytes when it likes and the caller uses its buffer again.
    const isTaken = stdin.write(Uint8Array.from(bytes))
    if (isTaken) return
    const drained = new Promise<void>((resolve) => stdin.once('drain', resolve).once('close', resolve))
    await Promise.race([drained, this.#exit])
    if (!stdin.writable) throw this.#failure(await this.#exit)
  }

  /** No more comes in; what is inside still comes out. */
  end(): void {
    this.#process.stdin.end()
  }

  /** What ffmpeg makes, until its end. @throws FFMPEG_FAILED */
  async *output(): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#process.stdout as AsyncIterable<Buffer>) yield piece
    const code = await this.#exit
    if (code !== 0) throw this.#failure(code)
  }

  /** Ends ffmpeg at once if it still runs. */
  close(): void {
    this.#process.kill('SIGKILL')
  }

  #failure(code: number | null): AppError {
    const lines = this.#complaint.trim().split('\n').slice(-3).join('; ')
    return new AppError('FFMPEG_FAILED', { reason: `ffmpeg ended with ${code ?? 'a signal'}: ${lines}` })
  }
}

function encoderFor(target: Exclude<VideoTarget, 'copy'>, device: string | undefined): string {
  if (device !== undefined) return `${target}_vaapi`
  return target === 'h264' ? 'libx264' : 'libx265'
}

/** @param device  a VA-API device, or undefined to encode on the CPU */
export function ffmpegArguments(encoder: string, device: string | undefined): string[] {
  const deinterlace = 'bwdif=mode=send_field:deint=interlaced'
  const picture =
    device === undefined
      ? ['-vf', `${deinterlace},format=yuv420p`, '-c:v', encoder, '-preset', 'veryfast', '-crf', '22']
      : ['-vf', `${deinterlace},format=nv12,hwupload`, '-c:v', encoder, '-qp', '23']
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...(device === undefined ? [] : ['-vaapi_device', device]),
    ...['-copyts', '-f', 'mpegts', '-i', 'pipe:0'],
    ...['-map', '0', '-copy_unknown', '-c', 'copy', ...picture, ...keyFrames],
    ...(encoder === 'libx265' ? ['-x265-params', 'log-level=error'] : []),
    ...['-f', 'mpegts', '-muxdelay', '0', '-muxpreload', '0', 'pipe:1'],
  ]
}

async function checkEncoder(encoder: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ffmpeg', ['-hide_banner', '-encoders']).catch(
    (cause: unknown) => {
      const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
      const reason = isMissing ? 'ffmpeg is not installed: --video h264 and hevc need it' : String(cause)
      throw new AppError('FFMPEG_FAILED', { cause, reason })
    },
  )
  if (stdout.split(/\s+/).includes(encoder)) return
  throw new AppError('FFMPEG_FAILED', { reason: `this ffmpeg has no encoder ${encoder}` })
}
