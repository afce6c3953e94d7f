import { describe, expect, it } from 'vitest'
import { householdOf, Networks, parseNetwork, plainAddress, privateNetworks } from '../../src/base/network.ts'

describe('parseNetwork', () => {
  it.each([
    ['192.168.1.5', '192.168.1.5'],
    [' 10.0.0.0/8 ', '10.0.0.0/8'],
    ['FD00::/8', 'fd00::/8'],
    ['::1', '::1'],
    ['10.0.0.0/33', undefined],
    ['fd00::/129', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0/8', undefined],
    ['fe80::1%eth0', undefined],
    ['lan', undefined],
    ['', undefined],
  ])('reads %j as %j', (text, network) => expect(parseNetwork(text)).toBe(network))
})

describe('plainAddress', () => {
  it.each([
    ['::ffff:192.168.1.5', '192.168.1.5'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[2001:DB8::1]:443', '2001:db8::1'],
    ['[::1]', '::1'],
    ['192.0.2.1:8080', '192.0.2.1'],
    ['unknown', undefined],
    ['', undefined],
    ['256.1.1.1', undefined],
  ])('makes %j %j', (text, address) => expect(plainAddress(text)).toBe(address))
})

describe('Networks.has', () => {
  const networks = new Networks(['192.0.2.0/24', '203.0.113.7', '2001:db8::/32'])

  it.each(['192.0.2.0', '192.0.2.255', '203.0.113.7', '2001:db8:1::1'])('knows %s', (address) => {
    expect(networks.has(address)).toBe(true)
  })

  it.each(['192.0.3.1', '203.0.113.8', '2001:db9::1', '::1', 'unknown', ''])(
    'does not know %j',
    (address) => {
      expect(networks.has(address)).toBe(false)
    },
  )
})

describe('privateNetworks', () => {
  it.each([
    ['127.0.0.1', true],
    ['10.1.2.3', true],
    ['172.31.255.255', true],
    ['172.32.0.1', false],
    ['192.168.178.20', true],
    ['169.254.1.1', true],
    ['100.64.0.1', false],
    ['8.8.8.8', false],
    ['::1', true],
    ['fe80::1', true],
    ['fd12:3456::1', true],
    ['2001:db8::1', false],
  ])('%s: %j', (address, isPrivate) => expect(privateNetworks.has(address)).toBe(isPrivate))
})

describe('householdOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s is of %s', (address, household) => expect(householdOf(address)).toBe(household))
})
