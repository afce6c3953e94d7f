// The demo receiver in a process of its own: receiver.ts KIND ... Prints the ports of its streams and
// its web side. It sends what lies ready, in real time and without an end, and has a tuner for everybody.
import { channels, type Kind } from '../../src/demo/channels.ts'
import { startDemoReceiver } from '../../src/demo/receiver.ts'

const asked = new Set(process.argv.slice(2))
const isAsked = (kind: string): kind is Kind => asked.has(kind)
const streams = channels.map(({ kind }) => kind).filter(isAsked)
const receiver = await startDemoReceiver({
  webPort: 0,
  streamPort: 0,
  dataDir: 'var',
  tuners: streams.length,
  streams,
})
console.log(new URL(receiver.streamUrl).port, new URL(receiver.webUrl).port)
process.once('SIGTERM', () => {
  void receiver.close().then(() => process.exit())
})
