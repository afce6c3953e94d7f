#!/usr/bin/env node
// Sends a transport stream through xg2g's job socket and writes what comes back.
//
//     remux.mjs IN OUT [SOCKET]        - stands for standard input and output
import { createReadStream, createWriteStream } from 'node:fs'
import { connect } from 'node:net'
import { pipeline } from 'node:stream/promises'

const [input, output, path = '/run/xg2g/remux.sock'] = process.argv.slice(2)
if (output === undefined) {
  console.error('Usage: remux.mjs IN OUT [SOCKET]')
  process.exit(2)
}
const source = input === '-' ? process.stdin : createReadStream(input)
const sink = output === '-' ? process.stdout : createWriteStream(output)
// Half open: our end of the stream is not the answer's.
const socket = connect({ path, allowHalfOpen: true })
socket.write(`${JSON.stringify({ audio: 'aac', bitrate: '192k' })}\n`)

// A stream begins with 0x47, a refusal with an opening brace: one line of JSON.
async function* stream(answer) {
  let isFirst = true
  for await (const piece of answer) {
    if (isFirst && piece[0] === 0x7b) throw new Error(JSON.parse(piece.toString()).error.message)
    isFirst = false
    yield piece
  }
}

try {
  const sent = pipeline(source, socket, { end: true }).catch(() => undefined) // the answer says why
  await pipeline(stream(socket), sink)
  await sent
} catch (error) {
  console.error(`remux.mjs: ${error.message}`)
  process.exit(1)
}
