// What viewers get when the connection to the receiver breaks and comes back: one stream that goes on.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from './command.ts'
import { asBroadcast, pids, stream } from './input.ts'
import { startDaemon } from './live/server.ts'
import { Source, type Connection } from './live/source.ts'
import { groupBytes, Recording, type Unit } from './live/stream.ts'
import { visit } from './live/visit.ts'
import { percentile } from './measure.ts'
import { lagOf } from './quality/align.ts'
import { atLeast, atMost, round, type Benchmark } from './report.ts'
import { randomOf, soundRate } from './sound.ts'

const watchMs = 4500 // of each connection: what has to be found in it takes about 3 s
const soundFromMs = 400 // after the first picture; sound is compared from there on
const soundMs = 2000
const ref = '1:0:19:1:1:1:C00000:0:0:0:'

/** How the source goes on after a cut. */
type Kind = 'goes on' | 'begins anew'

/** What came of a cut. */
interface Cut {
  readonly kind: Kind
  /** From the first byte of the new connection to its first whole picture, ms. */
  readonly pictureMs: number
  /** From the cut to the first byte of the new connection, ms. */
  readonly awayMs: number
  /** How much further sound is from picture than in the source, ms. */
  readonly apartMs: number
  readonly isRising: boolean
  readonly isFlagged: boolean
}

export const cuts: Benchmark = {
  title: 'A connection that breaks and comes back',
  async run({ rounds, seconds, isQuick }) {
    const count = rounds ?? (isQuick ? 2 : 20)
    const cutMs = 1000 * (seconds ?? (isQuick ? 1 : 5))
    const input = await asBroadcast(await stream('m'))
    const bytes = await readFile(input.path)
    const bytesPerMs = input.bytes / input.seconds / 1000
    const random = randomOf(1)
    const placeAt = (ms: number) => Math.floor((ms * bytesPerMs) / groupBytes) * groupBytes
    // So that what goes on twice is over before the file is.
    const anywhere = () => random() * (input.seconds * 1000 - 2 * (watchMs + cutMs + 10_000))

    await using source = new Source(bytes, bytesPerMs)
    const { begun: first } = await source.plugIn(placeAt(anywhere()))
    await using daemon = await startDaemon(`http://127.0.0.1:${source.port}`)
    const viewed = new Recording()
    let isOver = false
    const viewer = visit(daemon.port, ref, (piece) => viewed.add(piece))
    void viewer.over.then(() => (isOver = true))
    const copier = copy(`http://127.0.0.1:${daemon.port}/${ref}`)
    let connection = await first
    await delay(watchMs)
    const kinds: Kind[] = []
    const times: number[] = []
    const frames = [copier.frames()]
    const already = copier.lines().length // of a stream that begins in the middle
    for (let turn = 0; turn < count; turn++) {
      const kind = turn % 2 === 0 ? 'goes on' : 'begins anew'
      const cutAt = performance.now()
      await source.unplug()
      await delay(cutMs)
      const since = performance.now() - connection.startedAt
      const place = kind === 'goes on' ? connection.from + placeAt(since) : placeAt(anywhere())
      const { begun } = await source.plugIn(place)
      connection = await begun
      kinds.push(kind)
      times.push(cutAt)
      await delay(watchMs)
      frames.push(copier.frames())
    }
    const isOpen = !isOver
    viewer.leave()
    await copier.end()
    const said = copier.lines().slice(already)

    const found = await judge(source.connections, viewed, kinds, times)
    const carried = frames.slice(1).filter((each, turn) => each > (frames[turn] ?? 0) + 25).length
    const worst = Math.max(...found.map(({ apartMs }) => Math.abs(apartMs)))
    const whole = found.filter(
      ({ isRising, isFlagged, pictureMs }) => isRising && isFlagged && Number.isFinite(pictureMs),
    )
    return {
      task:
        `The connection to the receiver breaks, nothing can be reached for ${cutMs / 1000} s, then a connection is taken ` +
        'again; the programme has gone on meanwhile, or it begins anew somewhere else. A viewer and an ffmpeg that copies ' +
        'stay connected to `./xg2g serve`. Pictures are found again by their bytes, sound by the peak of its correlation ' +
        'with that of the source; apart is how much the distance of sound to picture differs from that in the source.',
      inputs: [`${input.name}: ${input.description}`],
      tables: [
        {
          title: `${count} cuts of ${cutMs / 1000} s`,
          columns: [
            ...['', 'cut to new bytes ms', 'new bytes to new picture ms', 'sound apart ms'],
            ...['DTS goes on', 'break told'],
          ],
          rows: found.map(({ kind, awayMs, pictureMs, apartMs, isRising, isFlagged }) => [
            ...[kind, round(awayMs), round(pictureMs), apartMs.toFixed(3)],
            ...[isRising ? 'yes' : 'NO', isFlagged ? 'yes' : 'NO'],
          ]),
        },
      ],
      goals: [
        atLeast('cuts after which picture comes, DTS goes on and the break is told', count, whole.length),
        atMost('sound against picture, most', 0.1, worst, ' ms'),
        atLeast('cuts after which ffmpeg, still connected, has more pictures', count, carried),
        atMost('answers that ended', 0, isOpen ? 0 : 1),
      ],
      notes: [
        `From new bytes to the new picture: p50 ${round(
          percentile(
            found.map(({ pictureMs }) => pictureMs),
            50,
          ),
        )} ms; the source begins in the middle of a group of 2 s.`,
        'Where the source goes on, what was sent meanwhile is lost.',
        `ffmpeg says ${said.length} lines after the first cut.`,
        ...said.slice(0, 5).map((line) => `ffmpeg says: ${line}`),
      ],
    }
  },
}

interface Copier {
  /** Pictures that it has copied so far. */
  frames(): number
  /** What it has said. */
  lines(): string[]
  end(): Promise<void>
}

/** A client that would end with the answer. */
function copy(url: string): Copier {
  const how = ['-v', 'error', '-nostdin', '-progress', 'pipe:1', '-i', url, '-c', 'copy', '-f', 'null', '-']
  const child = spawn('ffmpeg', how, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [frames, said] = [0, '']
  child.stdout.on('data', (piece: Buffer) => {
    const found = [...piece.toString().matchAll(/^frame=(\d+)/gm)].at(-1)?.[1]
    if (found !== undefined) frames = Number(found)
  })
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    frames: () => frames,
    lines: () => said.split('\n').filter((line) => line.trim() !== ''),
    end: () => {
      child.kill('SIGKILL')
      return closed
    },
  }
}

async function judge(
  connections: readonly Connection[],
  viewed: Recording,
  kinds: readonly Kind[],
  times: readonly number[],
): Promise<Cut[]> {
  const [pictures, sounds] = [viewed.units(pids.video), viewed.units(pids.audio)]
  const breaks = [viewed.breaks(pids.video), viewed.breaks(pids.audio)]
  const found: Cut[] = []
  for (const [turn, kind] of kinds.entries()) {
    const connection = connections[turn + 1]
    if (connection === undefined) throw new Error('The source was not connected to again')
    const from = connection.startedAt
    const to = connections[turn + 2]?.startedAt ?? Infinity
    const within = (atMs: number) => atMs >= from && atMs < to
    const mine = (units: readonly Unit[]) => units.filter(({ atMs }) => within(atMs))
    const origins = new Map(connection.sent.units(pids.video).map((unit) => [hashOf(unit), unit]))
    const pairs = mine(pictures).flatMap((unit) => {
      const origin = origins.get(hashOf(unit))
      return origin === undefined ? [] : [{ unit, origin }]
    })
    const shift = pairs.map(({ unit, origin }) => unit.pts - origin.pts)
    const firstAt = pairs[0]?.unit.atMs ?? Infinity
    const source = connection.sent.units(pids.audio)
    const later = mine(sounds).filter(({ atMs }) => atMs >= firstAt + soundFromMs)
    const before = pictures.filter(({ atMs }) => atMs < from)
    const stamps = [...before.slice(-50), ...mine(pictures)].map(({ dts }) => dts)
    found.push({
      kind,
      pictureMs: firstAt - from,
      awayMs: from - (times[turn] ?? NaN),
      apartMs: Math.min(...shift) === Math.max(...shift) ? await apart(source, later, shift[0] ?? NaN) : NaN,
      isRising: stamps.every((dts, place) => place === 0 || dts > (stamps[place - 1] ?? Infinity)),
      isFlagged: breaks.every((told) => told.some(within)),
    })
  }
  return found
}

function hashOf({ payload }: Unit): string {
  return createHash('sha1').update(payload).digest('base64')
}

/** By how much sound is later than the picture says, ms. */
async function apart(source: readonly Unit[], result: readonly Unit[], shift: number): Promise<number> {
  const [start] = result
  if (start === undefined) return NaN
  // A little earlier than what it is compared with, so that the lag is small and positive.
  const begin = source.findLastIndex(({ pts }) => pts + shift <= start.pts)
  const known = source.slice(Math.max(0, begin))
  const lag = lagOf(await samplesOf(result, 'aac'), await samplesOf(known, 'mp3'))
  const differ = start.pts - ((known[0]?.pts ?? NaN) + shift)
  return differ / 90 - (1000 * lag) / soundRate
}

async function samplesOf(units: readonly Unit[], format: 'aac' | 'mp3'): Promise<Float32Array> {
  const bytes = Buffer.concat(units.map(({ payload }) => payload))
  const how = ['-f', format, '-i', 'pipe:0', '-t', String(soundMs / 1000)]
  const out = ['-ac', '1', '-ar', String(soundRate), '-f', 'f32le', 'pipe:1']
  const { stdout } = await run(['ffmpeg', '-v', 'quiet', ...how, ...out], bytes)
  return new Float32Array(Uint8Array.from(stdout).buffer)
}
