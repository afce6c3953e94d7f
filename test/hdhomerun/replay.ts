// Asks of a running daemon what a trace says, and holds the answers against what the client relies on.
import type { Socket } from 'node:net'
import { expect, vi } from 'vitest'
import { nullPid, packetBytes, patPid, pidOf, syncByte } from '../../src/stream/packet.ts'
import { ask, parse, read, viewer, type Answer } from '../stream/viewers.ts'
import type { TunerHouse } from './house.ts'
import type { Expectation, Step, Trace } from './traces.ts'

const streamBytes = 64 * 1024 // that are looked at

/** Where the channel is that the trace plays, and those that others watch meanwhile. */
export interface Stage {
  readonly house: TunerHouse
  readonly port: number
  /** Its path, and its key among what the receiver counts. */
  readonly channel: { readonly path: string; readonly key: string }
  /** Paths of as many others as there are tuners. */
  readonly others: readonly string[]
}

/** @throws what the client would complain about, with the step */
export async function replay({ steps }: Trace, stage: Stage): Promise<void> {
  const kept = new Map<string, Socket>()
  const others: Socket[] = []
  try {
    for (const step of steps) await take(step, stage, kept, others)
  } finally {
    for (const socket of [...kept.values(), ...others]) socket.destroy()
  }
}

async function take(step: Step, stage: Stage, kept: Map<string, Socket>, others: Socket[]): Promise<void> {
  const told = JSON.stringify(step)
  if ('asks' in step) {
    const { answer, socket } = await request(step, stage)
    hold(answer, step.expects, told)
    if (step.keeps === undefined) socket?.destroy()
    else if (socket !== undefined) kept.set(step.keeps, socket)
  } else if ('stops' in step) {
    kept.get(step.stops)?.destroy()
    kept.delete(step.stops)
  } else if ('others' in step) {
    if (step.others === 'come') for (const path of stage.others) others.push(await watch(path, stage))
    else await leave(others, stage)
  } else {
    expect(stage.house.demo.requests.streams[stage.channel.key] ?? 0, told).toBe(step.opened)
  }
}

type Request = Extract<Step, { asks: string }>

async function request(
  { asks, headers, expects }: Request,
  { port, channel }: Stage,
): Promise<{ answer: Answer; socket?: Socket }> {
  const [method = '', target = ''] = asks.split(' ')
  const path = target.replace('{channel}', channel.path)
  const all = { Host: `127.0.0.1:${port}`, ...headers }
  if (expects.body !== 'stream') return { answer: await ask(port, path, method, all) }
  const socket = viewer(port, path, method, all)
  return { answer: parse(await read(socket, streamBytes)), socket }
}

async function watch(path: string, { port }: Stage): Promise<Socket> {
  const socket = viewer(port, path)
  expect(parse(await read(socket, 1000)).status).toBe(200)
  socket.resume()
  return socket
}

async function leave(others: Socket[], { house }: Stage): Promise<void> {
  for (const socket of others.splice(0)) socket.destroy()
  await idle(house)
}

const waitLong = { timeout: 30_000 } // beyond what a stream lingers

/** Resolves when no tuner plays or lingers. */
export async function idle(house: TunerHouse): Promise<void> {
  await vi.waitFor(async () => {
    const tuners = await house.json('/status.json')
    expect(tuners).toEqual([{ Resource: 'tuner0' }, { Resource: 'tuner1' }])
  }, waitLong)
}

function hold({ status, headers, body }: Answer, expects: Expectation, told: string): void {
  expect(status, `${told} ${body.toString('latin1', 0, 300)}`).toBe(expects.status)
  for (const [name, value] of Object.entries(expects.headers ?? {})) match(headers[name], value, told)
  if (expects.body === 'empty') expect(body.length, told).toBe(0)
  else if (expects.body === 'stream') holdStream(body, told)
  else if (expects.body !== undefined) expect(body.toString(), told).toMatch(expects.body)
  if (expects.json === undefined) return
  const read = JSON.parse(body.toString()) as Record<string, unknown> | Record<string, unknown>[]
  const fields = Array.isArray(read) ? read[0]! : read
  for (const [name, value] of Object.entries(expects.json)) match(fields[name], value, told)
}

function match(found: unknown, value: unknown, told: string): void {
  if (value instanceof RegExp) expect(found, told).toMatch(value)
  else expect(found, told).toBe(value)
}

/** Whole packets, tables in front, and no filling before picture and sound: who probes would take them for
 *  all there is. */
export function holdStream(body: Buffer, told: string): void {
  const count = Math.floor(body.length / packetBytes)
  expect(count, told).toBeGreaterThan(0)
  const pids = Array.from({ length: count }, (_, index) => {
    const packet = body.subarray(index * packetBytes)
    expect(packet[0], told).toBe(syncByte)
    return pidOf(packet)
  })
  expect(pids[0], told).toBe(patPid)
  const media = pids.findIndex((pid) => pid !== patPid && pid !== nullPid && pid !== pids[1])
  const filling = pids.indexOf(nullPid)
  expect(media, told).toBeGreaterThan(0)
  if (filling >= 0) expect(filling, told).toBeGreaterThan(media)
}
