// `./xg2g remux`: a transport stream from a file or pipe to a file or pipe, its sound transcoded in this
// process. One piece of input at a time is in memory, whatever the length.
import { statSync, writeFileSync, type Stats } from 'node:fs'
import { parseArgs } from 'node:util'
import { AppError, expected } from './base/errors.ts'
import { Progress, StreamClock } from './cli/progress.ts'
import { ReaderLeft, Sink } from './cli/sink.ts'
import { Source } from './cli/source.ts'
import { UsageError } from './cli/usage.ts'
import { VideoEncoder, videoTargets, type VideoTarget } from './cli/video.ts'
import { damageKinds, damageOf } from './workers/damage.ts'
import { mostPushBytes, patientSettleMs, Remuxer, type RemuxStats } from './workers/native.ts'
import { parseProfile, type Profile } from './workers/profile.ts'

export const remuxUsage = `Usage: xg2g remux [options] [IN|-] [OUT|-]

Reads an MPEG transport stream, makes AAC (or MP3) of its sound, leaves everything else as it is.
IN and OUT are files, or - for standard input and output (both the default).

  --audio aac|mp3|copy      what the sound becomes (aac)
  --encoder xg2g|libavcodec what makes AAC of one or two channels (xg2g)
  --bitrate RATE            of each audio track, such as 192k (192k)
  --channels 1|2|6          most channels of the result (2)
  --language deu,eng        keep these languages, in this order (all)
  --tracks all|one          every track of them, or only the first that flows (all)
  --program N               the programme to keep, where there are several
  --keep-original           keep the original sound as a further track
  --video copy|h264|hevc    what the picture becomes (copy); h264 and hevc run ffmpeg,
                            on the device that VAAPI_DEVICE names or else on the CPU
  --stats FILE              write statistics as JSON to FILE, or with - to stderr
`

interface Order {
  readonly input: string
  readonly output: string
  readonly profile: Profile
  readonly video: VideoTarget
  readonly stats: string | undefined
}

const windowBytes = 256 * 1024

/** Runs the command.
 *  @returns the exit code
 *  @throws UsageError, AppError, or what the system says of a file */
export async function remux(args: readonly string[]): Promise<number> {
  const order = readArguments(args)
  if (order === 'help') {
    process.stdout.write(remuxUsage)
    return 0
  }
  const source = await Source.open(order.input)
  const sink = new Sink(order.output)
  const abort = new AbortController()
  const stop = () => abort.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    refuseSame(source, sink, order)
    await new Run(order, source, abort.signal).into(sink)
    if (abort.signal.aborted) process.stderr.write('xg2g remux: interrupted, the output ends here\n')
    return abort.signal.aborted ? 1 : 0
  } catch (error) {
    if (error instanceof ReaderLeft) return 0 // like `head`: it has what it wanted
    throw error
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    await Promise.all([source.close(), sink.close()])
  }
}

/** One input on its way through the remuxer. */
class Run {
  readonly #order: Order
  readonly #source: Source
  readonly #abort = new AbortController()
  readonly #signal: AbortSignal
  readonly #clock = new StreamClock()
  readonly #progress = new Progress()

  constructor(order: Order, source: Source, signal: AbortSignal) {
    this.#order = order
    this.#source = source
    this.#signal = AbortSignal.any([signal, this.#abort.signal])
  }

  async into(sink: Sink): Promise<void> {
    using remuxer = new Remuxer(this.#order.profile, { settleMs: patientSettleMs })
    const startedAt = performance.now()
    try {
      if (this.#order.video === 'copy') await this.#transform(remuxer, (bytes) => sink.write(bytes))
      else await this.#encode(remuxer, this.#order.video, sink)
    } finally {
      this.#report(remuxer.stats(), (performance.now() - startedAt) / 1000)
    }
  }

  async #transform(remuxer: Remuxer, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const window = Buffer.allocUnsafeSlow(windowBytes)
    const drain = async (first: number) => {
      for (let length = first; length > 0; length = remuxer.pull(window))
        await write(window.subarray(0, length))
    }
    const stats = () => remuxer.stats()
    for await (const piece of this.#source.pieces(this.#signal)) {
      for (let at = 0; at < piece.length; at += mostPushBytes) {
        await drain(remuxer.push(piece.subarray(at, at + mostPushBytes), window))
      }
      this.#clock.add(remuxer.marks())
      this.#progress.draw(this.#clock, stats)
    }
    remuxer.flush()
    await drain(remuxer.pull(window))
    this.#clock.add(remuxer.marks())
    refuseUseless(remuxer.stats())
  }

  // Both directions of ffmpeg at once; what fails first ends the other.
  async #encode(remuxer: Remuxer, video: Exclude<VideoTarget, 'copy'>, sink: Sink): Promise<void> {
    const encoder = await VideoEncoder.start(video, process.env.VAAPI_DEVICE || undefined)
    const give = this.#transform(remuxer, (bytes) => encoder.write(bytes)).then(() => encoder.end())
    const take = async () => {
      for await (const bytes of encoder.output()) await sink.write(bytes)
    }
    const both = [give, take()]
    try {
      await Promise.all(both)
    } finally {
      this.#abort.abort()
      encoder.close()
      await Promise.allSettled(both)
    }
  }

  #report(stats: RemuxStats, wallSeconds: number): void {
    const streamSeconds = this.#clock.seconds(stats)
    this.#progress.close(this.#clock, stats)
    const complaint = describeFaults(stats)
    if (complaint !== '') process.stderr.write(`xg2g remux: in the input: ${complaint}\n`)
    if (this.#order.stats === undefined) return
    const { user, system } = process.cpuUsage()
    const cpuSeconds = (user + system) / 1e6
    const speed = wallSeconds > 0 ? streamSeconds / wallSeconds : 0
    const text = `${JSON.stringify({ ...stats, streamSeconds, wallSeconds, cpuSeconds, speed }, null, 2)}\n`
    if (this.#order.stats === '-') process.stderr.write(text)
    else writeFileSync(this.#order.stats, text)
  }
}

function readArguments(args: readonly string[]): Order | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      audio: { type: 'string' },
      encoder: { type: 'string' },
      bitrate: { type: 'string' },
      channels: { type: 'string' },
      language: { type: 'string' },
      tracks: { type: 'string' },
      program: { type: 'string' },
      'keep-original': { type: 'boolean' },
      video: { type: 'string', default: 'copy' },
      stats: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) return 'help'
  const [input = '-', output = '-', ...others] = positionals
  if (others.length > 0)
    throw new UsageError(`Expected one input and one output but received also ${others.join(' ')}`)
  const video = videoTargets.find((target) => target === values.video)
  if (video === undefined) throw expected(`one of ${videoTargets.join(', ')}`, '--video', values.video)
  const { audio, encoder, bitrate, channels, language, tracks, program } = values
  const profile = parseProfile({
    audio,
    encoder,
    bitrate,
    channels,
    language,
    tracks,
    program,
    keepOriginal: values['keep-original'],
  })
  return { input, output, profile, video, stats: values.stats }
}

function refuseSame(source: Source, sink: Sink, { output, stats }: Order): void {
  const from = source.stat()
  const to = sink.stat()
  if (to !== undefined && isSameFile(from, to)) throw new UsageError('Input and output are the same file')
  if (output === '-' && process.stdout.isTTY) {
    throw new UsageError('Expected a file or a pipe for the output but received a terminal')
  }
  const report = stats === undefined || stats === '-' ? undefined : statSync(stats, { throwIfNoEntry: false })
  if (report !== undefined && (isSameFile(from, report) || (to !== undefined && isSameFile(to, report)))) {
    throw new UsageError('The statistics would overwrite the input or the output')
  }
}

function isSameFile(one: Stats, other: Stats): boolean {
  return one.isFile() && one.dev === other.dev && one.ino === other.ino
}

function refuseUseless({
  bytesIn,
  bytesOut,
  problem,
  scrambledPackets,
  accessPoints,
  tracks,
}: RemuxStats): void {
  if (bytesIn === 0) throw new AppError('NO_STREAM', { found: 'it is empty' })
  if (bytesOut === 0) throw new AppError('NO_STREAM', { found: problem })
  const isClear = accessPoints > 0 || tracks.some(({ framesOut }) => framesOut > 0)
  if (scrambledPackets > 0 && !isClear)
    throw new AppError('NO_STREAM', { found: 'picture and sound are scrambled' })
}

// What a viewer may notice: damage by kind, and tracks that could not be used.
function describeFaults(stats: RemuxStats): string {
  const damage = damageOf(stats)
  const counts = damageKinds
    .filter((kind) => damage[kind] > 0 && !harmless.has(kind))
    .map((kind) => `${kind} ${damage[kind]}`)
  const tracks = stats.tracks
    .filter(({ mode }) => mode === 'scrambled' || mode === 'unsupported')
    .map(({ pid, codec, language, mode }) => `${mode} ${codec} track ${language} (PID ${pid})`)
  return [...counts, ...tracks].join(', ')
}

const harmless: ReadonlySet<string> = new Set(['duplicate', 'silence', 'reanchor'])
