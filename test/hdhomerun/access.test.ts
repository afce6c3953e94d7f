import { describe, expect, it } from 'vitest'
import { Access } from '../../src/hdhomerun/access.ts'

const allowed = (networks: string[], ...addresses: (string | undefined)[]) => {
  const access = new Access(() => networks)
  return addresses.map((address) => access.allows(address))
}

describe('Access.allows', () => {
  it('lets private networks in, nobody else', () => {
    expect(allowed(['private'], '127.0.0.1', '192.168.1.5', 'fd00::1', '203.0.113.9', '', undefined)).toEqual(
      [true, true, true, false, false, false],
    )
  })

  it('lets those in that are listed, private ones only where they are', () => {
    expect(allowed(['203.0.113.0/24'], '203.0.113.9', '192.168.1.5')).toEqual([true, false])
    expect(allowed(['private', '203.0.113.0/24'], '203.0.113.9', '192.168.1.5')).toEqual([true, true])
    expect(allowed(['0.0.0.0/0', '::/0'], '198.51.100.1', '2001:db8::1')).toEqual([true, true])
  })

  it('looks at the list for each request', () => {
    let networks = ['private']
    const access = new Access(() => networks)
    expect(() => access.admit('203.0.113.9')).toThrow(
      /203\.0\.113\.9 is in none of the networks of XG2G_HDHR_NETWORKS/,
    )
    networks = ['203.0.113.9']
    expect(() => access.admit('203.0.113.9')).not.toThrow()
  })
})
