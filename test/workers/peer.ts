// The other thread of the ring's tests. Its message port keeps its event loop alive.
import { parentPort } from 'node:worker_threads'
import { RingReader, RingWriter } from '../../src/workers/ring.ts'

export type PeerOrder =
  | { kind: 'relay'; from: SharedArrayBuffer; to: SharedArrayBuffer }
  | { kind: 'read'; from: SharedArrayBuffer }
  | { kind: 'close in turn'; memories: SharedArrayBuffer[]; turn: SharedArrayBuffer }

parentPort?.on('message', (order: PeerOrder) => {
  switch (order.kind) {
    case 'relay':
      void relay(new RingReader(order.from), new RingWriter(order.to))
      break
    case 'read':
      void discard(new RingReader(order.from))
      break
    case 'close in turn':
      closeInTurn(order.memories, new Int32Array(order.turn))
      break
  }
})

// In place on both sides, as the worker does it.
async function relay(from: RingReader, to: RingWriter): Promise<void> {
  while (!from.isDrained) {
    const bytes = from.readable()
    const window = to.writable(bytes.length)
    if (bytes.length === 0) await from.whenReadable()
    else if (window.length === 0) await to.whenWritable()
    else {
      window.set(bytes.subarray(0, window.length))
      from.release(window.length)
      to.commit(window.length)
    }
  }
  to.close()
}

async function discard(from: RingReader): Promise<void> {
  const into = new Uint8Array(1024)
  while (from.read(into) >= 0) await from.whenReadable()
}

// As soon as main has come to a ring, after a moment that is another one each time.
function closeInTurn(memories: SharedArrayBuffer[], turn: Int32Array): void {
  for (const [place, memory] of memories.entries()) {
    const ring = new RingWriter(memory)
    while (Atomics.load(turn, 0) <= place);
    for (let spin = (place * 37) % 5000; spin > 0; spin--) Math.sqrt(spin)
    ring.close()
  }
}
