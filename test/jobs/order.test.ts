import { describe, expect, it } from 'vitest'
import { mostOrderBytes, readOrder } from '../../src/jobs/order.ts'
import { defaultProfile } from '../../src/workers/profile.ts'

const read = (text: string) => readOrder(Buffer.from(text), defaultProfile)
const orderOf = (asked: object) => read(`${JSON.stringify(asked)}\nG`)?.order

describe('readOrder', () => {
  it('takes a stream that begins at once for a job with what is configured', () => {
    const profile = { ...defaultProfile, bitrate: 96_000 }
    expect(readOrder(Buffer.from('G...'), profile)).toMatchObject({
      order: { mode: 'transform', profile, isFramed: false },
      length: 0,
    })
  })

  it('reads the line of the contract, and where the stream begins', () => {
    const line =
      '{"audio":"aac","bitrate":"128k","channels":2,"language":["deu"],"program":7,"mode":"transform"}\n'
    expect(read(`${line}G`)).toMatchObject({
      order: {
        mode: 'transform',
        profile: { audio: 'aac', bitrate: 128_000, channels: 2, language: ['deu'], program: 7 },
      },
      length: line.length,
    })
  })

  it('waits for the end of the line', () => {
    expect(read('{"audio":"aac"')).toBeUndefined()
    expect(read('{')).toBeUndefined()
  })

  it('reads what is to be published', () => {
    expect(orderOf({ mode: 'publish', name: ' Party ' })).toEqual({
      mode: 'publish',
      name: 'Party',
      number: undefined,
      isRadio: false,
      program: 0,
    })
    expect(orderOf({ mode: 'publish', name: 'P', number: 7, radio: true, program: 3 })).toMatchObject({
      number: 7,
      isRadio: true,
      program: 3,
    })
  })

  it('reads weight, label, frames and trace of a job', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    expect(orderOf({ weight: 30, label: 'archive', framed: true, traceparent })).toMatchObject({
      weight: 30,
      label: 'archive',
      isFramed: true,
      traceparent,
    })
  })

  it.each([
    ['noise', 'a transport stream (0x47) or a line of JSON for the first byte but received "0x6e"'],
    ['{"mode":"steal"}\n', 'one of transform, publish, status for mode but received "steal"'],
    ['{"mode":"publish"}\n', 'for name but received undefined'],
    ['{"mode":"publish","name":"x","audio":"aac"}\n', 'for audio but received "aac"'],
    ['{"bitrate":"9000k"}\n', 'a bitrate from 32k to 512k such as 192k for bitrate but received "9000k"'],
    ['{"codec":"aac"}\n', 'a setting of the sound but received "codec"'],
    ['{"weight":0}\n', 'for weight but received 0'],
    ['{"audio":\n', 'The first line is not JSON'],
    [`{${' '.repeat(mostOrderBytes)}`, `at most ${mostOrderBytes} bytes for the first line`],
    [`{${' '.repeat(mostOrderBytes)}}\n`, `at most ${mostOrderBytes} bytes for the first line`],
  ])('refuses %j, saying why', (text, why) => {
    expect(() => read(text)).toThrow(why)
  })

  it('reads nothing of a line that has no end yet into its answer', () => {
    expect(() => read(`{"a":"${'x'.repeat(mostOrderBytes * 20)}`)).toThrow(/received \d+$/)
  })
})
