// Input that is cut, mangled or of no use: never a crash, the rest comes out by the rules, and what keeps
// anything from coming out is told.
import { describe, expect, it } from 'vitest'
import { packetSize } from '../../src/demo/signal/packet.ts'
import { onlyPids, packetsOf, scramble, seeded, withArrivals, withChecks, withPat } from './alterations.ts'
import { changedPids, lastMap } from './analysis.ts'
import { hasSamples, readSample, sampleNames } from './places.ts'
import { made, pictures, recipe } from './recipes.ts'
import { remux, type Remuxed } from './remuxing.ts'
import { readStream, type Fault, type Stream } from './stream.ts'

const seed = 20_260
const video = 0x100
const [deu, eng] = [0x101, 0x102]
const clean = recipe('h264-mp2-two-languages', pictures.h264, [
  { voice: 1, coding: ['-c', 'mp2', '-b', '256k'], language: 'deu' },
  { voice: 2, coding: ['-c', 'mp2', '-b', '192k'], language: 'eng' },
])
const streams = ['made', ...sampleNames()]
const mostBytes = 1600 * packetSize // of each of them

describe('packets of other sizes', () => {
  it.each([
    { what: '204 bytes', change: withChecks },
    { what: '192 bytes', change: withArrivals },
  ])('of $what give what packets of 188 bytes give', async ({ change }) => {
    const source = await made(clean)
    const { output, stats } = remux(change(source))
    expect(output.equals(remux(source).output)).toBe(true)
    expect(stats.problem).toBe('')
  })
})

describe.each(streams)('%s', (name) => {
  const read = async () => (name === 'made' ? await made(clean) : readSample(name)).subarray(0, mostBytes)

  it(`gives the same in pieces of any length (seed ${seed})`, async () => {
    const source = await read()
    const random = seeded(seed)
    // Mostly what a socket gives, at times single bytes.
    const pieceBytes = () => Math.floor(random() < 0.1 ? 1 + random() * 400 : 1 + random() * 65_535)
    expect(remux(source, { pieceBytes }).output.equals(remux(source).output)).toBe(true)
  })

  it(`obeys the rules wherever it is cut, and in packets of 204 bytes (seed ${seed})`, async () => {
    const source = await read()
    const random = seeded(seed)
    const from = Math.floor(random() * 0.7 * source.length)
    const part = source.subarray(from, from + Math.floor((0.1 + 0.2 * random()) * source.length))
    expectOrder(remux(part))
    expectOrder(remux(withChecks(source).subarray(from)))
  })

  it('obeys the rules when it begins anew', async () => {
    const source = await read()
    expectOrder(remux(Buffer.concat([source, source])))
  })

  it(`obeys the rules when packets are missing, repeated and broken (seed ${seed})`, async () => {
    const random = seeded(seed)
    const packets = packetsOf(await read()).flatMap((packet) => {
      const fate = random()
      if (fate < 0.01) return []
      if (fate < 0.02) return [packet, packet]
      if (fate > 0.03) return [packet]
      const broken = Buffer.from(packet)
      broken[Math.floor(random() * broken.length)]! ^= 1 << Math.floor(random() * 8)
      return [broken]
    })
    expectOrder(remux(Buffer.concat(packets)))
  })
})

describe('a PAT with more programs than flow', () => {
  it('is cut to the one that does', async () => {
    const listed = new Map(Array.from({ length: 20 }, (_, place) => [100 + place, 0x500 + place]))
    const source = withPat(await made(clean), new Map([...listed, [1, 0x1000]]))
    const { output, stats } = remux(source)
    const { programs, maps, faults } = readStream(output)
    expect(stats).toMatchObject({ problem: '', program: 1 })
    expect(programs[0]).toEqual(new Map([[1, 0x1000]]))
    expect(maps[0]?.entries.map(({ pid }) => pid)).toEqual([video, deu, eng])
    expect(faults).toEqual([])
  })
})

describe('scrambling', () => {
  it('of everything passes untouched, and is told', async () => {
    const source = scramble(await made(clean), (pid) => pid >= video && pid < 0x1000)
    const { output, stats } = remux(source)
    const both = { source: { stream: readStream(source) }, output: sideOf(output, 1) }
    expect(stats.problem).toMatch(/^scrambled: \d+ packets of programme 1$/)
    expect(stats.tracks.map(({ mode }) => mode)).toEqual(['scrambled', 'scrambled'])
    expect(changedPids(both)).toEqual([])
    expect(both.output.map.entries).toEqual(lastMap(both.source.stream, 1).entries)
  })

  it('of one track leaves that as it was announced and makes the other', async () => {
    const source = scramble(await made(clean), (pid) => pid === eng)
    const { output, stats } = remux(source)
    const both = { source: { stream: readStream(source) }, output: sideOf(output, 1) }
    expect(stats.problem).toBe('')
    expect(stats.tracks.map(({ mode }) => mode)).toEqual(['transcode', 'scrambled'])
    expect(changedPids(both)).toEqual([deu])
    const find = (stream: Stream) => lastMap(stream, 1).entries.find(({ pid }) => pid === eng)
    expect(find(both.output.stream)).toEqual(find(both.source.stream))
    expect(ofTracks(both.output.stream.faults, [deu])).toEqual([])
  })

  it.skipIf(!hasSamples).each(['tsduck__ref_test-008.ts', 'tsduck__in_test-101.ts'])(
    '%s passes as it is',
    (name) => {
      const source = readSample(name)
      const { output, stats } = remux(source)
      expect(stats.problem).toMatch(/^scrambled: \d+ packets of programme \d+$/)
      expect(
        changedPids({ source: { stream: readStream(source) }, output: sideOf(output, stats.program) }),
      ).toEqual([])
    },
  )
})

describe('input of no use', () => {
  const noise = () => Buffer.from(Array.from({ length: 200_000 }, seeded(seed)).map((value) => value * 256))
  const cases: { what: string; problem: RegExp; input: () => Buffer | Promise<Buffer> }[] = [
    { what: 'nothing', problem: /^no input$/, input: () => Buffer.alloc(0) },
    { what: 'noise', problem: /^no sync: 200000 bytes without transport packets$/, input: noise },
    { what: 'zeros', problem: /^no sync/, input: () => Buffer.alloc(100_000) },
    {
      what: "a receiver's refusal",
      problem: /^no sync/,
      input: () => Buffer.from('HTTP/1.0 400 Bad Request\r\n\r\n'),
    },
    {
      what: 'a stream without PAT',
      problem: /^no PAT in \d+ packets$/,
      input: async () => onlyPids(await made(clean), (pid) => pid !== 0),
    },
    {
      what: 'a stream without PMT',
      problem: /^no PMT: PAT lists 1$/,
      input: async () => onlyPids(await made(clean), (pid) => pid !== 0x1000),
    },
    {
      what: 'tables alone',
      problem: /^nothing flows of programme 1$/,
      input: async () => onlyPids(await made(clean), (pid) => pid === 0 || pid === 0x1000),
    },
  ]

  it.each(cases)('$what is told', async ({ problem, input }) => {
    const { output, stats } = remux(await input())
    expect(stats.problem).toMatch(problem)
    expectOrder({ output, stats, marks: [] })
  })

  it.skipIf(!hasSamples).each([
    ['tsduck__in_test-018.ts', /^nothing flows of programme \d+$/],
    ['tsduck__in_test-142.ts', /^no PAT in 299 packets$/],
  ])('%s is told', (name, problem) => {
    expect(remux(readSample(name)).stats.problem).toMatch(problem)
  })

  it('is passed over where a stream follows', async () => {
    const source = await made(clean)
    const { output, stats } = remux(Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), source, noise()]))
    expect(output.equals(remux(source).output)).toBe(true)
    expect(stats.problem).toBe('')
  })
})

/** What has to hold whatever comes in: whole packets, and our tables and our sound by the rules. */
function expectOrder({ output, stats }: Remuxed): void {
  const { faults, maps } = readStream(output)
  const made = stats.tracks.filter(({ mode }) => mode === 'transcode').map(({ pid }) => pid)
  expect(ofTracks(faults, [...made, ...maps.map(({ pid }) => pid)])).toEqual([])
}

function ofTracks(faults: readonly Fault[], pids: readonly number[]): Fault[] {
  return faults.filter(({ pid }) => pid <= 0 || pids.includes(pid))
}

function sideOf(output: Buffer, program: number) {
  const stream = readStream(output)
  return { stream, map: lastMap(stream, program) }
}
