// A broadcast whose picture shows the time: each frame has its number in black and white squares. Made in real
// time, so that what a screen shows says how far it is behind.
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

export const clockSize = { width: 640, height: 360 }
/** One square per bit of the number, the lowest first, from the picture's upper left corner. */
export const clockSquare = 40
export const clockBits = 15 // 21 minutes
const framesPerSecond = 25
const longestSeconds = 2 ** clockBits / framesPerSecond

export interface PictureClock extends AsyncDisposable {
  /** MPEG-TS, H.264 and MP2, an access point each second. */
  readonly stream: Readable
  /** When a frame was broadcast, ms since 1970. */
  timeOf(frame: number): number
}

/** Starts with the first byte. */
export async function startPictureClock(): Promise<PictureClock> {
  const { width, height } = clockSize
  const squares = Array.from({ length: clockBits }, (_, bit) => {
    const isOn = `mod(floor(n/${2 ** bit})\\,2)`
    return `drawbox=x=${bit * clockSquare}:y=0:w=${clockSquare}:h=${clockSquare}:color=white:t=fill:enable='${isOn}'`
  })
  const picture = [`color=black:size=${width}x${height}:rate=${framesPerSecond}`, ...squares].join(',')
  const ffmpeg = spawn(
    'ffmpeg',
    [
      ...[
        '-v',
        'error',
        '-re',
        '-f',
        'lavfi',
        '-i',
        picture,
        '-re',
        '-f',
        'lavfi',
        '-i',
        'sine=frequency=440',
      ],
      ...['-t', String(longestSeconds), '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency'],
      ...[
        '-g',
        String(framesPerSecond),
        '-b:v',
        '3M',
        '-c:a',
        'mp2',
        '-b:a',
        '192k',
        '-f',
        'mpegts',
        '-flush_packets',
        '1',
      ],
      ...['-muxdelay', '0', '-muxpreload', '0', 'pipe:1'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise((resolve) => ffmpeg.once('close', resolve))
  await new Promise((resolve, reject) => {
    ffmpeg.once('error', reject)
    ffmpeg.once('exit', (code) => reject(new Error(`ffmpeg ended with ${code}`)))
    ffmpeg.stdout.once('readable', resolve)
  })
  const beganAt = Date.now() // with frame 0
  return {
    stream: ffmpeg.stdout,
    timeOf: (frame) => beganAt + (frame * 1000) / framesPerSecond,
    [Symbol.asyncDispose]: async () => {
      ffmpeg.kill('SIGKILL')
      await ended
    },
  }
}
