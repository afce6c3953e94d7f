import type { NetworkInterfaceInfo } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Links } from '../../src/hdhomerun/links.ts'

const opened: Links[] = []
afterEach(() => {
  for (const links of opened.splice(0)) links.close()
})

type Told = Record<string, readonly string[]>

function interfacesOf(told: Told, mac = '02:00:00:00:00:01'): Record<string, NetworkInterfaceInfo[]> {
  const info = (cidr: string) => ({ address: cidr.split('/')[0], cidr, mac }) as NetworkInterfaceInfo
  return Object.fromEntries(Object.entries(told).map(([name, cidrs]) => [name, cidrs.map(info)]))
}

function linksOf(read: () => Record<string, NetworkInterfaceInfo[]>): Links {
  const links = new Links({ read, pollMs: 1 })
  opened.push(links)
  return links
}

describe('Links.reachedBy', () => {
  const told = {
    lo: ['127.0.0.1/8', '::1/128'],
    eth0: ['192.168.1.10/24', 'fd00::10/64', 'fe80::10/64'],
    eth1: ['192.168.1.130/25', '10.0.0.5/8', 'fe80::11/64'],
  }
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['192.168.1.10', '192.168.1.10'],
    ['192.168.1.20', '192.168.1.10'],
    ['192.168.1.200', '192.168.1.130'], // the smaller of two networks
    ['::ffff:192.168.1.20', '192.168.1.10'],
    ['10.200.0.1', '10.0.0.5'],
    ['fd00::5', 'fd00::10'],
    ['fe80::5%eth0', 'fd00::10'], // a URL cannot name an interface
    ['fe80::5%eth1', 'fe80::11'],
    ['::1', '::1'],
    ['192.168.2.1', undefined],
    ['203.0.113.9', undefined],
    ['2001:db8::1', undefined],
    ['fe80::5%eth2', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ])('%s reaches us at %s', (sender, address) => {
    expect(linksOf(() => interfacesOf(told)).reachedBy(sender)).toBe(address)
  })
})

describe('Links.of', () => {
  it('names one address of each interface', () => {
    const told = {
      lo: ['127.0.0.1/8'],
      eth0: ['10.0.0.5/8', '192.168.1.10/24', 'fd00::10/64', 'fe80::10/64'],
      eth1: [],
    }
    const links = linksOf(() => interfacesOf(told))
    expect(links.of(4)).toMatchObject([
      { name: 'lo', address: '127.0.0.1' },
      { name: 'eth0', address: '10.0.0.5' },
    ])
    expect(links.of(6)).toMatchObject([{ name: 'eth0', address: 'fd00::10' }])
  })
})

describe('Links.onChange', () => {
  it.each([
    ['an address comes', { eth0: ['192.168.1.10/24', '10.0.0.5/8'] }, undefined],
    ['an address goes', { eth0: [] }, undefined],
    ['an interface goes', {}, undefined],
    ['a network grows', { eth0: ['192.168.1.10/16'] }, undefined],
    ['another interface has the same name', { eth0: ['192.168.1.10/24'] }, '02:00:00:00:00:02'],
  ])('tells when %s', async (_, after: Told, mac) => {
    let now = interfacesOf({ eth0: ['192.168.1.10/24'] })
    let reads = 0
    const links = linksOf(() => {
      reads++
      return now
    })
    let changes = 0
    links.onChange(() => changes++)
    await vi.waitFor(() => expect(reads).toBeGreaterThan(3))
    expect(changes).toBe(0)
    now = interfacesOf(after, mac)
    await vi.waitFor(() => expect(changes).toBe(1))
    expect(links.of(4).map(({ address }) => address)).toEqual(
      (after.eth0 ?? []).slice(0, 1).map((cidr) => cidr.split('/')[0]),
    )
  })
})
