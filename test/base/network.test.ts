import { describe, expect, it } from 'vitest'
import {
  householdOf,
  Networks,
  parseDestination,
  parseNetwork,
  plainAddress,
  privateNetworks,
  specialNetworks,
} from '../../src/base/network.ts'

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

describe('specialNetworks', () => {
  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::8.8.8.8',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:0:127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::169.254.169.254',
    '64:ff9b::e000:1',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
    '2001:0:7f00:1::',
    '2001:0:4136:e378:8000:63bf:80ff:fffe',
    'fe80::1',
    'febf::1',
    'fec0::1',
    'ff02::1',
    'fd00:ec2::254',
    'fd20:ce::254',
  ])('have %s', (address) => expect(specialNetworks.has(address)).toBe(true))

  it.each([
    '1.0.0.1',
    '10.0.0.1',
    '100.100.100.201',
    '128.0.0.1',
    '169.253.255.255',
    '192.0.1.1',
    '192.168.1.20',
    '223.255.255.255',
    '::ffff:192.168.1.20',
    '64:ff9b::8.8.8.8',
    '2001:1::1',
    '2001:db8::1',
    '2003::1',
    'fd00::5',
    'fd00:ec2::253',
  ])('do not have %s', (address) => expect(specialNetworks.has(address)).toBe(false))
})

describe('parseDestination', () => {
  it.each<[string, { name?: string; network?: string; port?: number } | undefined]>([
    ['box.lan', { name: 'box.lan' }],
    [' Box.LAN.:8001 ', { name: 'box.lan', port: 8001 }],
    ['tv_box', { name: 'tv_box' }],
    ['\u00fcber.lan', { name: 'xn--ber-goa.lan' }],
    ['192.168.1.5', { network: '192.168.1.5' }],
    ['192.168.1.5:8001', { network: '192.168.1.5', port: 8001 }],
    ['192.168.0.0/16', { network: '192.168.0.0/16' }],
    ['192.168.0.0/16:8001', { network: '192.168.0.0/16', port: 8001 }],
    ['fd00::5', { network: 'fd00::5' }],
    ['[fd00::5]:8001', { network: 'fd00::5', port: 8001 }],
    ['FD00::/8', { network: 'fd00::/8' }],
    ['', undefined],
    ['box.lan:0', undefined],
    ['box.lan:65536', undefined],
    ['box.lan:http', undefined],
    ['[box.lan]', undefined],
    ['http://box.lan', undefined],
    ['user@box.lan', undefined],
    ['box.lan/8', undefined],
    ['*.lan', undefined],
    ['.lan', undefined],
    ['2130706433', undefined],
    ['0x7f.1', undefined],
    ['127.1', undefined],
    ['192.168.0.0/33', undefined],
    ['box lan', undefined],
  ])('reads %j as %j', (text, destination) => {
    const whole = { name: undefined, network: undefined, port: undefined, ...destination }
    expect(parseDestination(text)).toEqual(destination && whole)
  })
})

describe('householdOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s is of %s', (address, household) => expect(householdOf(address)).toBe(household))
})
