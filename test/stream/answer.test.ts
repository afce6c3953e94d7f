import { describe, expect, it } from 'vitest'
import { ChunkDecoder, holdsTransportStream, longestHeadBytes, readHead } from '../../src/stream/answer.ts'
import { packets } from './packets.ts'

const text = (head: string) => Buffer.from(head)

describe('readHead', () => {
  it.each([
    ['HTTP/1.0 200 OK\r\n\r\n', { status: 200, isChunked: false, length: undefined, bodyOffset: 19 }],
    ['HTTP/1.1 503\n\n', { status: 503 }],
    ['HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n', { status: 200, isChunked: true }],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', { isChunked: true }],
    ['HTTP/1.1 200 OK\r\nContent-Length:188\r\n\r\nGGG', { length: 188 }],
    ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', { length: undefined, location: undefined }],
    ['HTTP/1.1 302 Found\r\nLOCATION:  /b \r\n\r\n', { status: 302, location: '/b' }],
  ])('reads %j', (head, expected) => {
    expect(readHead(text(head))).toMatchObject(expected)
  })

  it('waits for the rest, byte by byte', () => {
    const head = 'HTTP/1.0 200 OK\r\nServer: streamserver\r\n\r\n'
    for (let length = 0; length < head.length; length++)
      expect(readHead(text(head.slice(0, length)))).toBeUndefined()
    expect(readHead(text(head))).toMatchObject({ status: 200, bodyOffset: head.length })
  })

  it.each(['GET / HTTP/1.1\r\n\r\n', 'ICY 200 OK\r\n\r\n', 'HTTP/1.1 OK\r\n\r\n', 'HTTP/2 200\r\n\r\n', 'G'])(
    'calls %j malformed',
    (head) => expect(readHead(text(head))).toBe('malformed'),
  )

  it('does not wait for ever', () => {
    expect(readHead(text(`HTTP/1.0 200 OK\r\nX: ${'y'.repeat(longestHeadBytes)}`))).toBe('malformed')
  })
})

describe('ChunkDecoder', () => {
  const body = packets(40)
  const framed = Buffer.concat([
    text('1F4;name="value"\r\n'),
    body.subarray(0, 500),
    text('\r\n1\r\n'),
    body.subarray(500, 501),
    text(`\r\n${(body.length - 501).toString(16)}\r\n`),
    body.subarray(501),
    text('\r\n0\r\nTrailer: x\r\n\r\n'),
  ])

  it.each([1, 2, 3, 7, 188, 1000, framed.length])('decodes pieces of %i bytes in place', (size) => {
    const decoder = new ChunkDecoder()
    const decoded: Buffer[] = []
    for (let at = 0; at < framed.length; at += size) {
      const piece = Buffer.from(framed.subarray(at, at + size))
      decoded.push(Buffer.from(piece.subarray(0, decoder.decode(piece))))
    }
    expect(Buffer.concat(decoded).equals(body)).toBe(true)
    expect(decoder.isDone).toBe(true)
  })

  it('takes nothing after the last chunk', () => {
    const decoder = new ChunkDecoder()
    expect(decoder.decode(text('0\r\n\r\nmore'))).toBe(0)
    expect(decoder.isDone).toBe(true)
  })

  it.each(['x\r\n', '-1\r\n', '1\r\nGG\r\n', '123456789\r\n', 'f'.repeat(2000)])(
    'calls %j malformed',
    (bytes) => {
      const decoder = new ChunkDecoder()
      decoder.decode(text(bytes))
      expect(decoder.isMalformed).toBe(true)
    },
  )
})

describe('holdsTransportStream', () => {
  const spread = (stride: number) => {
    const bytes = Buffer.alloc(stride * 4)
    for (let at = 0; at < bytes.length; at += stride) bytes[at] = 0x47
    return bytes
  }

  it.each([188, 192, 204])('finds packets %i bytes apart, wherever they begin', (stride) => {
    expect(holdsTransportStream(spread(stride))).toBe(true)
    expect(holdsTransportStream(Buffer.concat([Buffer.from('GGx'), spread(stride)]))).toBe(true)
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['two packets', packets(2)],
    ['text', Buffer.from('<!DOCTYPE html>GGG'.repeat(200))],
  ])('finds none in %s', (_, bytes) => {
    expect(holdsTransportStream(bytes)).toBe(false)
  })
})
