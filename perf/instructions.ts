// Instructions of the remuxer against those of its codecs alone, counted by callgrind. Free of noise.
// A short run is taken from a long one, so that what is done once does not count.
import { run } from './command.ts'
import { head, pids, stream, type Input } from './input.ts'
import { atMost, round, type Benchmark, type Goal } from './report.ts'

const shortSeconds = 1

export const instructions: Benchmark = {
  title: 'Instructions: the remuxer against bare decode and encode',
  async run({ seconds, isQuick }) {
    const longSeconds = shortSeconds + (seconds ?? (isQuick ? 1 : 10))
    const rows: string[][] = []
    const goals: Goal[] = []
    for (const { name, codec, label } of cases) {
      const input = await stream(name)
      const cut = { long: await head(input, longSeconds), short: await head(input, shortSeconds) }
      const remuxer = (...encoder: string[]) =>
        difference(cut, 'Carry', ({ path }) => ['build/perf/remux', path, '/dev/null', ...encoder])
      const bare = (...encoder: string[]) =>
        difference(cut, 'Transcode', ({ path }) => [
          ...['build/perf/codec', path, String(pids.audio), codec],
          ...encoder,
        ])
      const libavcodec = { remuxer: await remuxer('libavcodec'), bare: await bare() }
      const own = { remuxer: await remuxer(), bare: await bare('own') }
      rows.push(rowOf(`${label}, libavcodec’s encoder in both`, libavcodec.remuxer, libavcodec.bare))
      rows.push(rowOf(`${label}, our encoder in both`, own.remuxer, own.bare))
      rows.push(rowOf(`${label}, our encoder against libavcodec’s`, own.remuxer, libavcodec.bare))
      const ratio = libavcodec.remuxer / libavcodec.bare
      goals.push(atMost(`instructions, remuxer / codec, libavcodec’s encoder, ${label}`, 1.03, ratio, ' x'))
    }
    return {
      task:
        `Both decode the sound of ${longSeconds - shortSeconds} s of stream and encode it to AAC 192k stereo, with ` +
        'libavcodec’s encoder and the same settings, or with our own. The remuxer also walks the packets, passes the picture, keeps time, writes PES and ' +
        'tables and copies its output out; the rival has the frames ready in memory and throws the result away.',
      inputs: await Promise.all(
        cases.map(async ({ name }) => `${name}: ${(await stream(name)).description}`),
      ),
      tables: [
        {
          title: `Million instructions for ${longSeconds - shortSeconds} s`,
          columns: ['sound', 'remuxer', 'bare codec', 'difference', 'remuxer / codec'],
          rows,
        },
      ],
      goals,
      notes: [
        'What the remuxer adds is the same with either encoder; of ours, which takes an eighth, it is a larger share.',
        'Counts do not vary from run to run; valgrind hides AVX-512, so libavcodec takes its AVX2 code in both.',
        'Reading the file, writing the output and cutting the rival’s frames out of the stream do not count.',
      ],
    }
  },
}

const cases = [
  { name: 'm', codec: 'mp2', label: 'MP2 stereo' },
  { name: 'a', codec: 'ac3', label: 'AC-3 5.1' },
] as const

function rowOf(label: string, remuxer: number, bare: number): string[] {
  const millions = [remuxer, bare, remuxer - bare].map((count) => round(count / 1e6))
  return [label, ...millions, (remuxer / bare).toFixed(4)]
}

async function difference(
  cut: { long: Input; short: Input },
  counted: string,
  command: (input: Input) => string[],
): Promise<number> {
  return (await count(counted, command(cut.long))) - (await count(counted, command(cut.short)))
}

/** Instructions inside a function and all that it calls. */
async function count(counted: string, command: readonly string[]): Promise<number> {
  const tool = [
    'valgrind',
    '--tool=callgrind',
    '--callgrind-out-file=/dev/null',
    `--toggle-collect=${counted}`,
  ]
  const { stderr } = await run([...tool, ...command])
  const collected = /Collected : (\d+)/.exec(stderr)?.[1]
  if (collected === undefined) throw new Error(`callgrind gave no count: ${stderr}`)
  return Number(collected)
}
