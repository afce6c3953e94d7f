// One stream of the pool's tests, from both ends: sends numbered packets as fast as they are taken and
// checks what comes out. A number may be missing after a loss of the thread; none comes twice.
import type { PoolStream, RemuxReport } from '../../src/workers/pool.ts'
import { makePacket, makePackets, packetBytes, readCommand, readNumber, type Command } from './packet.ts'

const batch = 100

export class Viewer {
  readonly stream: PoolStream
  /** packets sent */
  sent = 0
  /** packets that never came out */
  lost = 0
  #received = -1
  #nextCommand: Command = 'none'
  #isEnding = false
  #progress = Promise.withResolvers<undefined>()
  readonly #feeding: Promise<void>
  readonly #reading: Promise<void>

  constructor(stream: PoolStream) {
    this.stream = stream
    this.#feeding = this.#feed()
    this.#reading = this.#read()
    this.#reading.catch((error: unknown) => this.#progress.reject(error))
  }

  /** Sends a packet with a command, behind what was sent so far. */
  send(command: Command): void {
    this.#nextCommand = command
  }

  /** Resolves when the packet with this number, or a later one, has come out. */
  async reach(number: number): Promise<void> {
    while (this.#received < number) await this.#progress.promise
  }

  /** Ends the input and waits for the rest. */
  async finish(): Promise<RemuxReport> {
    this.#isEnding = true
    await this.#feeding
    this.stream.input.close()
    await this.#reading
    return this.stream.done
  }

  async #feed(): Promise<void> {
    const { input } = this.stream
    while (!this.#isEnding) {
      const command = this.#nextCommand
      this.#nextCommand = 'none'
      const bytes = command === 'none' ? makePackets(this.sent, batch) : makePacket(this.sent, command)
      this.sent += bytes.length / packetBytes
      for (let at = 0; at < bytes.length;) {
        const taken = input.write(bytes.subarray(at))
        if (taken < 0) return
        if (taken === 0) await input.whenWritable()
        at += taken
      }
      await new Promise(setImmediate)
    }
  }

  async #read(): Promise<void> {
    const { output } = this.stream
    const packet = new Uint8Array(packetBytes)
    while (!output.isDrained) {
      while (output.fill >= packetBytes) {
        output.read(packet)
        this.#check(packet)
      }
      this.#progress.resolve(undefined)
      this.#progress = Promise.withResolvers()
      await output.whenReadable(packetBytes)
    }
    this.#progress.reject(new Error(`the stream ended after packet ${this.#received}`))
    this.#progress.promise.catch(() => undefined)
  }

  #check(packet: Uint8Array): void {
    const number = readNumber(packet)
    if (number <= this.#received)
      throw new Error(`packet ${number} after ${this.#received} (${readCommand(packet)})`)
    this.lost += number - this.#received - 1
    this.#received = number
  }
}
