// The rival of the whole server: Node between the stream server and the viewer, with one ffmpeg process for
// each stream in between: relay.ts UPSTREAM default|fast. Prints its port.
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { ffmpegCommand } from '../rival.ts'

const [, , upstream = '', coder = 'default'] = process.argv

const children = new Set<ChildProcess>()

const server = createServer((request, response) => {
  get(new URL(request.url ?? '/', upstream), (source) => void carry(source, response))
})

async function carry(source: IncomingMessage, response: ServerResponse): Promise<void> {
  const [program = '', ...args] = ffmpegCommand({
    input: 'pipe:0',
    output: 'pipe:1',
    coder: coder === 'fast' ? 'fast' : 'default',
  })
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  children.add(child)
  response.writeHead(200, { 'Content-Type': 'video/mp2t', Connection: 'close' })
  const ways = [pipeline(source, child.stdin), pipeline(child.stdout, response)]
  await Promise.race(ways).catch(() => undefined)
  child.kill('SIGKILL')
  children.delete(child)
  await Promise.allSettled(ways)
}

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' ? address?.port : address)
})
process.once('SIGTERM', () => {
  for (const child of children) child.kill('SIGKILL')
  process.exit()
})
