import type { NetworkInterfaceInfo } from 'node:os'
import { expect, describe, it, vi } from 'vitest'
import { Links } from '../../src/hdhomerun/links.ts'
import { Renewal } from '../../src/hdhomerun/renewal.ts'
import { silent } from './clients.ts'

/** A renewal whose steps are written down, and a way to change the networks. */
function make(open: () => Promise<void> = () => Promise.resolve()) {
  let networks: NetworkInterfaceInfo[] = []
  const links = new Links({ read: () => ({ eth0: networks }), pollMs: 1 })
  const steps: string[] = []
  const renewal = new Renewal(
    links,
    async () => {
      steps.push('opening')
      await open()
      steps.push('open')
      return {
        close: async (isLast) => {
          steps.push(isLast ? 'closed for good' : 'closed')
        },
      }
    },
    silent,
  )
  const change = () => {
    const cidr = `10.0.0.${networks.length + 1}/24`
    networks = [...networks, { address: cidr.split('/')[0], cidr, mac: '' } as NetworkInterfaceInfo]
  }
  return { renewal, links, steps, change }
}

describe('Renewal', () => {
  it('opens anew after a change, one after the other', async () => {
    const { renewal, links, steps, change } = make()
    await renewal.renew()
    change()
    await vi.waitFor(() => expect(steps).toEqual(['opening', 'open', 'closed', 'opening', 'open']))
    links.close()
    await renewal.close()
    await renewal.close()
    expect(steps.slice(5)).toEqual(['closed for good'])
  })

  it('closes what was still being opened', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const { renewal, links, steps } = make(() => promise)
    const opened = renewal.renew()
    await vi.waitFor(() => expect(steps).toEqual(['opening']))
    links.close()
    const closed = renewal.close()
    resolve(undefined)
    await Promise.all([opened, closed, renewal.renew()])
    expect(steps).toEqual(['opening', 'open', 'closed for good'])
  })

  it('tries again after the next change where opening failed', async () => {
    let tries = 0
    const { renewal, links, steps, change } = make(async () => {
      if (tries++ === 0) throw new Error('no such luck')
    })
    await renewal.renew()
    change()
    await vi.waitFor(() => expect(steps).toEqual(['opening', 'opening', 'open']))
    links.close()
    await renewal.close()
  })
})
