import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isDeviceId } from '../../src/base/deviceid.ts'
import { Registry } from '../../src/hdhomerun/registry.ts'

let folder: string
const file = () => join(folder, 'deep', 'hdhomerun.json')
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'xg2g-registry-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('Registry.open', () => {
  it('makes a valid id once and finds it again', () => {
    const { id } = Registry.open(file()).kept
    expect(isDeviceId(id)).toBe(true)
    expect(Registry.open(file()).kept.id).toBe(id)
  })

  it.each(['', '{', '{"id":"12345678"}', '[]'])('makes a damaged file anew: %j', (text) => {
    Registry.open(file())
    writeFileSync(file(), text)
    const { id } = Registry.open(file()).kept
    expect(isDeviceId(id)).toBe(true)
    expect(Registry.open(file()).kept.id).toBe(id)
  })
})

describe('Registry.keep', () => {
  it('keeps what has changed beside the rest, and leaves no draft behind', () => {
    const registry = Registry.open(file())
    const { id } = registry.kept
    registry.keep({ tuners: 4 })
    registry.keep({ channels: { a: 1 } })
    expect(Registry.open(file()).kept).toMatchObject({ id, tuners: 4, channels: { a: 1 } })
    expect(readdirSync(join(folder, 'deep'))).toEqual(['hdhomerun.json'])
    expect(readFileSync(file(), 'utf8')).toContain(id)
  })

  it('goes on with what cannot be written', () => {
    const registry = Registry.open(file())
    rmSync(join(folder, 'deep'), { recursive: true })
    registry.keep({ tuners: 2 })
    expect(registry.kept.tuners).toBe(2)
  })
})
