import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder, proveFolder } from '../../src/base/folder.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'xg2g-folder-'))))
afterEach(() => rmSync(folder, { recursive: true }))

describe('makeFolder', () => {
  it('makes all levels that are missing, and does nothing a second time', () => {
    const path = join(folder, 'a/b/c')
    makeFolder(path)
    makeFolder(path)
    expect(existsSync(path)).toBe(true)
  })

  it('goes through links to folders', () => {
    makeFolder(join(folder, 'real'))
    symlinkSync(join(folder, 'real'), join(folder, 'link'))
    makeFolder(join(folder, 'link/below'))
    expect(readdirSync(join(folder, 'real'))).toEqual(['below'])
  })

  it('says why it cannot, also where the system says that a parent is missing which is there', () => {
    writeFileSync(join(folder, 'file'), '')
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'))
    expect(() => makeFolder(join(folder, 'file'))).toThrow('ENOTDIR')
    expect(() => makeFolder(join(folder, 'file/below'))).toThrow('ENOTDIR')
    expect(() => makeFolder(join(folder, 'link'))).toThrow('ENOENT')
    expect(() => makeFolder('/proc/nothing/such')).toThrow('ENOENT')
  })
})

describe('proveFolder', () => {
  it('leaves nothing behind in a folder that takes files', () => {
    proveFolder(join(folder, 'new'))
    expect(readdirSync(join(folder, 'new'))).toEqual([])
  })

  it('refuses a folder that takes none', () => {
    expect(() => proveFolder('/proc')).toThrow('ENOENT')
  })
})
