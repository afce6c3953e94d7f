// The packet walk alone, with sound passed or dropped instead of decoded, against memcpy of the same bytes.
import { run } from './command.ts'
import { asBroadcast, bilingual, stream, withoutNulls, type Input } from './input.ts'
import { atLeast, round, type Benchmark, type Goal } from './report.ts'

interface Case {
  readonly input: Input
  readonly sound: string
  /** Tracks of others are dropped. */
  readonly language?: string
  readonly isGoal?: boolean
}

const packetBytes = 188
const aligned = Math.floor(65_536 / packetBytes) * packetBytes

export const walk: Benchmark = {
  title: 'Packet walk against memcpy, 64 KB chunks in cache',
  async run({ rounds, isQuick }) {
    const often = rounds ?? (isQuick ? 3 : 40)
    const m = await stream('m')
    const cases: Case[] = [
      { input: m, sound: 'passed', isGoal: true },
      { input: await withoutNulls(m), sound: 'passed', isGoal: true },
      { input: await bilingual(), sound: 'one track of two dropped', language: 'eng', isGoal: true },
      { input: await stream('s'), sound: 'passed' },
      { input: await asBroadcast(m), sound: 'passed' },
    ]
    const rows: string[][] = []
    const goals: Goal[] = []
    for (const { input, sound, language, isGoal = false } of isQuick ? cases.slice(0, 1) : cases) {
      for (const chunk of [aligned, 65_536]) {
        const { bytes, copy, walk, pull } = await measure(input, chunk, often, language)
        const speed = (seconds: number) => round(bytes / seconds / 1e9)
        const packetNs = (seconds: number) => round((seconds / (bytes / packetBytes)) * 1e9)
        const label = `${input.name}, sound ${sound}, ${chunk} B`
        rows.push([
          ...[label, speed(walk), packetNs(walk), speed(copy), packetNs(copy)],
          ...[round(copy / walk), round(copy / (walk + pull))],
        ])
        if (isGoal && chunk === aligned) goals.push(atLeast(`walk / memcpy, ${label}`, 2, copy / walk, ' x'))
      }
    }
    return {
      task:
        'One pass over the packets of a stream: PIDs and continuity looked at, tables read and rewritten, access points ' +
        'found, null packets and unwanted tracks left out. The rival copies the same bytes and looks at nothing.',
      inputs: cases.map(({ input: { name, description } }) => `${name}: ${description}`),
      tables: [
        {
          title: `Fastest of ${often} rounds for each chunk, summed`,
          columns: [
            ...['input', 'walk GB/s', 'ns/packet', 'memcpy GB/s', 'ns/packet'],
            ...['walk / memcpy', 'walk and copy out / memcpy'],
          ],
          rows,
        },
      ],
      goals,
      notes: [
        'A chunk is read into the cache before each timing; its fastest round counts, for both. The first 30 chunks, in ' +
          'which packets are held until the programme is known, are left out.',
        `${aligned} B are whole packets; with 65536 B a packet is cut at each end, as with reads of a socket.`,
        'The walk leaves runs that point into the input; the last column has them copied out as well.',
        'What costs is where a run of one stream ends. ffmpeg’s muxer sends long runs; where single packets of sound lie ' +
          'between those of the picture, as in m-broadcast, or the bitrate is low, as in s, there are more ends.',
      ],
    }
  },
}

interface Walked {
  readonly bytes: number
  /** seconds, as the others */
  readonly copy: number
  readonly walk: number
  readonly pull: number
}

async function measure(
  { path }: Input,
  chunk: number,
  rounds: number,
  language: string | undefined,
): Promise<Walked> {
  const command = ['build/perf/walk', path, String(chunk), String(rounds)]
  const { stdout } = await run(language === undefined ? command : [...command, language])
  return JSON.parse(stdout.toString()) as Walked
}
