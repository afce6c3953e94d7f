import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { runDemoReceiver } from '../../src/demo/main.ts'
import { dataDir, generationMs, watch } from './client.ts'

describe('runDemoReceiver', () => {
  it('says what to open, plays it, and ends on SIGTERM', { timeout: generationMs }, async () => {
    const args = ['--web-port', '0', '--stream-port', '0', '--streams', 'radio-aac', '--data', dataDir]
    const program = `import('./src/demo/main.ts').then(({ runDemoReceiver }) => runDemoReceiver(process.argv.slice(1)))`
    const child = spawn(process.execPath, ['--eval', program, '--', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let text = ''
    while (!text.includes('\n\n')) text += String((await once(child.stderr, 'data'))[0])
    const [, url = '', ref = ''] = /Klangraum\+ +radio-aac +(http:\/\/[^/]+)\/(\S+)/.exec(text) ?? []
    expect((await watch(url, ref, 188)).body.readUInt8(0)).toBe(0x47)
    child.kill('SIGTERM')
    expect((await once(child, 'exit'))[0]).toBe(0)
  })

  it.each([
    [['--web-port', 'x'], 'Expected a port for --web-port but received "x"'],
    [['--stream-port', '70000'], 'Expected a port for --stream-port'],
    [['--streams', 'mpeg2,vhs'], 'Expected a kind of channel for --streams but received "vhs"'],
    [['--tuners', '-1'], 'Expected'],
    [['--colour'], 'Expected the options of demo-receiver'],
  ])('refuses %j', async (args, message) => {
    await expect(runDemoReceiver(args)).rejects.toThrow(message)
  })
})
