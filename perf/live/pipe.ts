// The plainest relay that there is, as a rival: pipe.ts UPSTREAM. Each client's bytes come over a connection
// of its own and are passed on as they come. Prints its port.
import { createServer, get } from 'node:http'
import { pipeline } from 'node:stream'

const [, , upstream = ''] = process.argv

const server = createServer((request, response) => {
  const asked = get(new URL(request.url ?? '/', upstream), (source) => {
    response.writeHead(200, { 'Content-Type': 'video/mp2t', Connection: 'close' })
    pipeline(source, response, () => undefined)
  })
  asked.on('error', () => response.destroy())
  response.once('close', () => asked.destroy())
})

server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' ? address?.port : address)
})
