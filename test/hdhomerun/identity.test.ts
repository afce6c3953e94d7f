import { describe, expect, it } from 'vitest'
import { isDeviceId } from '../../src/base/deviceid.ts'
import { identityOf, model } from '../../src/hdhomerun/identity.ts'

describe('identityOf', () => {
  it('gives the first device the id and no path, the others an id and a path of their own', () => {
    const [first, second, third] = [0, 1, 2].map((index) => identityOf('10439EFD', index))
    expect(first).toMatchObject({ id: '10439EFD', path: '' })
    expect(second!.path).toBe(`/${second!.id}`)
    for (const { id } of [second!, third!]) expect(isDeviceId(id)).toBe(true)
    for (const key of ['id', 'udn', 'auth', 'path'] as const)
      expect(new Set([first![key], second![key], third![key]]).size).toBe(3)
  })

  it('is the same each time', () => {
    expect(identityOf('10439EFD', 3)).toEqual(identityOf('10439EFD', 3))
  })

  it('has a UUID that is one, and 24 characters of DeviceAuth', () => {
    const { udn, auth } = identityOf('10439EFD', 0)
    expect(udn).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(auth).toMatch(/^\w{24}$/)
  })
})

describe('model', () => {
  it('promises no transcoding', () => {
    expect(model.toUpperCase()).not.toContain('HDTC')
  })
})
