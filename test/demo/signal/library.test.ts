import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../../src/base/log.ts'
import { Library } from '../../../src/demo/signal/library.ts'
import { channelOf } from './loops.ts'

const { programme } = channelOf('radio-aac')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'xg2g-'))
})
afterEach(() => rm(folder, { recursive: true }))

function library(ffmpeg?: string): Library {
  return new Library({ folder, log: createLog('silent'), ffmpeg })
}

describe('Library.loop', () => {
  it('makes a file once, however many ask for it, and drops older ones', async () => {
    await writeFile(join(folder, 'loop-radio-aac-0123456789ab.ts'), 'old')
    const paths = await Promise.all([1, 2, 3].map(() => library().loop(programme, 'radio-aac')))
    expect(new Set(paths).size).toBe(1)
    const files = await readdir(folder)
    expect(files.filter((file) => file.startsWith('loop-radio-aac'))).toHaveLength(1)
    expect(files.filter((file) => !file.endsWith('.ts'))).toEqual([])
  })

  it('takes over the lock of a process that is gone', async () => {
    const path = await library().loop(programme, 'radio-aac')
    await rm(path)
    await writeFile(`${path}.lock`, '999999999')
    expect(await library().loop(programme, 'radio-aac')).toBe(path)
  })

  it('says what to install when ffmpeg is missing', async () => {
    const missing = library('no-such-ffmpeg').loop(programme, 'radio-aac')
    await expect(missing).rejects.toThrow(/no-such-ffmpeg was not found: install it/)
    expect(await readdir(folder)).toEqual([])
  })

  it('says what ffmpeg said when it fails', async () => {
    await expect(library('false').loop(programme, 'radio-aac')).rejects.toThrow(
      /ffmpeg could not make a demo stream \(1\)/,
    )
  })
})
