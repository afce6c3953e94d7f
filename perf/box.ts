// The demo receiver with many channels, in a process of its own: prints its address and its counts.
// Usage: node perf/box.ts CHANNELS DAYS; ends with its standard input.
import { startDemoReceiver } from '../src/demo/receiver.ts'

const [channels = '1000', days = '14'] = process.argv.slice(2)
const box = await startDemoReceiver({
  webPort: 0,
  streamPort: 0,
  dataDir: 'var',
  // Kinds with a guide, so that channels times days is what it says.
  streams: ['h264-1080i', 'h264-long-gop', 'mpeg2', 'latm', 'description', 'absent-audio'],
  atLeast: Number(channels),
  guideDays: Number(days),
  web: { delayMs: 0 },
})
console.log(box.webUrl)
process.stdin.resume().once('end', () => {
  void box.close().then(() => process.exit())
})
