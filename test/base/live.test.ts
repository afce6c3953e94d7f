import { describe, expect, it } from 'vitest'
import { loadConfig, type Config } from '../../src/base/config.ts'
import { LiveConfig } from '../../src/base/live.ts'

function live(env: Record<string, string>) {
  const load = (): Config => loadConfig({ env })
  return new LiveConfig(load(), load)
}

describe('LiveConfig.reload', () => {
  it('applies what can change live and names what waits for a restart', () => {
    const env: Record<string, string> = { XG2G_LOG_LEVEL: 'info', XG2G_LISTEN: ':1' }
    const config = live(env)
    Object.assign(env, { XG2G_LOG_LEVEL: 'debug', XG2G_LISTEN: ':2' })
    expect(config.reload()).toEqual({ applied: ['logLevel'], restart: ['listen'], warnings: [] })
    expect(config.current.logLevel).toBe('debug')
    expect(config.current.listen.port).toBe(1)
    expect(config.reload()).toMatchObject({ applied: [], restart: ['listen'] })
  })

  it('keeps the configuration in effect when the new one is wrong', () => {
    const env: Record<string, string> = { XG2G_LOG_LEVEL: 'warn' }
    const config = live(env)
    Object.assign(env, { XG2G_LOG_LEVEL: 'loud' })
    expect(() => config.reload()).toThrow(/for XG2G_LOG_LEVEL but received "loud"/)
    expect(config.current.logLevel).toBe('warn')
  })
})

describe('LiveConfig.onChange', () => {
  it('calls back with what has changed, until it is taken back', () => {
    const env: Record<string, string> = {}
    const config = live(env)
    const heard: unknown[] = []
    const stop = config.onChange(({ logLevel }, applied) => heard.push([logLevel, applied]))
    config.reload()
    env.XG2G_LOG_LEVEL = 'error'
    config.reload()
    stop()
    env.XG2G_LOG_LEVEL = 'warn'
    config.reload()
    expect(heard).toEqual([['error', ['logLevel']]])
  })
})

describe('LiveConfig.hold', () => {
  it('keeps a value through a reload', () => {
    const env: Record<string, string> = { XG2G_OWI_BASE: 'http://192.0.2.1' }
    const config = live(env)
    config.hold({ owiBase: 'http://127.0.0.1:18080' })
    env.XG2G_OWI_BASE = 'http://192.0.2.2'
    expect(config.reload()).toMatchObject({ applied: [], restart: [] })
    expect(config.current.owiBase).toBe('http://127.0.0.1:18080')
  })
})

describe('LiveConfig.masked', () => {
  it('shows no secret', () => {
    expect(JSON.stringify(live({ XG2G_OWI_PASS: 'geheim' }).masked)).not.toContain('geheim')
  })
})
