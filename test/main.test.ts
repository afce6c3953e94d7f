import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './cli/command.ts'

let folder = ''
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'xg2g-'))))
afterAll(() => rm(folder, { recursive: true }))

describe('xg2g', () => {
  it.each([['--help'], ['-h'], ['help']])('prints its commands with %s', async (flag) => {
    const { code, stdout, stderr } = await run([flag])
    expect([code, stderr]).toEqual([0, ''])
    for (const command of ['serve', 'transcoder', 'remux', 'demo-receiver', 'config'])
      expect(stdout.toString()).toContain(`  ${command} `)
  })

  it.each([
    [['nothing'], 'there is no command nothing'],
    [['toString'], 'there is no command toString'],
    [[], 'Usage: xg2g'],
    [['serve', '--port', '1'], "Unknown option '--port'"],
    [['transcoder', '--demo'], "Unknown option '--demo'"],
    [['config', 'extra'], 'extra'],
    [['demo-receiver', '--tuners', 'many'], 'Expected a whole number for --tuners but received "many"'],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stdout, stderr } = await run(args)
    expect([code, stdout.length]).toEqual([2, 0])
    expect(stderr).toContain(message)
  })
})

describe('xg2g config', () => {
  it('prints what is in effect, file and environment together, secrets masked', async () => {
    const file = join(folder, 'good.yaml')
    writeFileSync(file, 'owiBase: http://192.0.2.1\nlisten: 127.0.0.1:9000\n')
    const env = { XG2G_OWI_PASS: 'geheim', XG2G_LISTEN: ':9001' }
    const { code, stdout } = await run(['config', '--config', file], { env })
    expect(code).toBe(0)
    expect(stdout.toString()).toContain('owiBase: http://192.0.2.1\n')
    expect(stdout.toString()).toContain('listen: :9001\n')
    expect(stdout.toString()).not.toContain('geheim')
  })

  it('checks without a word when it is good', async () => {
    const { code, stdout, stderr } = await run(['config', '--check'])
    expect([code, stdout.length, stderr]).toEqual([0, 0, ''])
  })

  it('warns of old names', async () => {
    const { code, stderr } = await run(['config', '--check'], { env: { XG2G_USE_RUST_REMUXER: 'true' } })
    expect(code).toBe(0)
    expect(stderr).toContain('XG2G_USE_RUST_REMUXER is an old name of XG2G_USE_NATIVE_REMUXER')
  })

  it.each<[Record<string, string>, string]>([
    [{ XG2G_LISTEN: 'everywhere' }, 'for XG2G_LISTEN but received "everywhere"'],
    [{ XG2G_NO_SUCH: '1' }, 'XG2G_NO_SUCH'],
  ])('exits with 1 for %j', async (env, message) => {
    const { code, stderr } = await run(['config', '--check'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain(message)
  })

  it('exits with 1 when the file is not there', async () => {
    expect((await run(['config', '--config', join(folder, 'none.yaml')])).code).toBe(1)
  })
})

describe('xg2g serve', () => {
  it('says what is missing when no receiver is configured', async () => {
    const { code, stderr } = await run(['serve'], {
      env: {
        XG2G_UDS_PATH: 'off',
        XG2G_LISTEN: '127.0.0.1:0',
        XG2G_PROXY_LISTEN: '127.0.0.1:0',
        XG2G_HDHR_LISTEN: '127.0.0.1:0',
      },
    })
    expect(code).toBe(1)
    expect(stderr).toContain("Expected the receiver's address for XG2G_OWI_BASE")
    expect(stderr).toContain('serve --demo')
  })
})
