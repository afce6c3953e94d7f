import { afterEach, describe, expect, it } from 'vitest'
import type { DemoReceiver } from '../../src/demo/receiver.ts'
import { StreamAddresses } from '../../src/receiver/address.ts'
import { parseReference } from '../../src/receiver/reference.ts'
import { readWhitelist } from '../../src/receiver/relay.ts'
import { demo, generationMs } from '../demo/client.ts'

let box: DemoReceiver | undefined
afterEach(() => box?.close())

describe('readWhitelist', () => {
  it('takes ten fields of each line, without comments', () => {
    const list =
      '# Sky\n1:0:19:83:6:85:c00000:0:0:0: # Sport\n\nunsinn\r\n1:0:19:84:6:85:C00000:0:0:0::Name\n'
    expect([...readWhitelist(list)]).toEqual(['1:0:19:83:6:85:C00000:0:0:0', '1:0:19:84:6:85:C00000:0:0:0'])
    expect([...readWhitelist('')]).toEqual([])
  })
})

describe('StreamAddresses.resolve', () => {
  it.each(['A', 'B'] as const)(
    'finds the relay of a receiver of dialect %s',
    async (dialect) => {
      box = await demo({ relayPort: 0, web: { delayMs: 0, dialect } })
      const relayPort = Number(new URL(box.relayUrl!).port)
      const streamPort = Number(new URL(box.streamUrl).port)
      const addresses = new StreamAddresses({ owiBase: box.webUrl, relayPort })
      const portOf = async (kind: string) => {
        const { ref } = box!.channels.find((channel) => channel.kind === kind)!
        return (await addresses.resolve(parseReference(ref))).port
      }
      expect(await portOf('hevc')).toBe(relayPort)
      expect(await portOf('switching')).toBe(relayPort)
      expect(await portOf('h264-1080i')).toBe(streamPort)
      expect(box.requests.web['/file'] ?? 0).toBe(dialect === 'A' ? 1 : 0)
      expect(box.requests.webAtOnce).toBe(1)
    },
    generationMs,
  )

  it(
    'uses the stream port where there is no such list',
    async () => {
      box = await demo({ web: { delayMs: 0, dialect: 'A' } })
      const addresses = new StreamAddresses({ owiBase: box.webUrl })
      const { port } = await addresses.resolve(parseReference(box.channels[0]!.ref))
      expect(port).toBe(Number(new URL(box.streamUrl).port))
    },
    generationMs,
  )
})
