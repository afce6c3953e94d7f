// Kodi with an add-on for television, without a screen and without a loudspeaker, told by JSON-RPC what to do.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { vi } from 'vitest'
import type { Host } from '../hdhomerun/namespace.ts'

const isThere = (command: string) => spawnSync('which', [command]).status === 0

/** Is all that it takes installed? */
export function hasKodi(addon: string): boolean {
  const isInstalled = globSync(`/usr/lib/*/kodi/addons/${addon}`).length > 0
  return isThere('kodi') && isThere('Xvfb') && isInstalled
}

export interface KodiSetup {
  readonly addon: string
  /** Of the add-on. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where it runs; on this machine unless given. */
  readonly host?: Host
}

export interface Kodi {
  /** The result of a JSON-RPC call. @throws what Kodi says against it */
  ask(method: string, params?: object): Promise<unknown>
  /** What its pages would show under these names. */
  labels<Name extends string>(...names: Name[]): Promise<Record<Name, string>>
  /** The lines of its log. */
  log(): string[]
  close(): Promise<void>
}

/** Settings of pvr.iptvsimple for a playlist and a guide. */
export function simpleSettings(playlistUrl: string, xmltvUrl: string): Record<string, string> {
  return {
    kodi_addon_instance_name: 'xg2g',
    kodi_addon_instance_enabled: 'true',
    m3uPathType: '1', // an address
    m3uUrl: playlistUrl,
    m3uCache: 'false',
    epgPathType: '1',
    epgUrl: xmltvUrl,
    epgCache: 'false',
  }
}

/** Starts Kodi; resolves once it can be asked and has made its channels. */
export async function startKodi({ addon, settings = {}, host }: KodiSetup): Promise<Kodi> {
  const home = mkdtempSync(join(tmpdir(), 'xg2g-kodi-'))
  const port = await freePort()
  configure(home, port, { addon, settings })
  const screen = await startScreen()
  const env = { ...process.env, HOME: home, DISPLAY: `:${screen.display}`, AE_SINK: 'ALSA', TZ: 'UTC' }
  // A group of its own: `kodi` is a script around the program.
  const [program, ...parameters] = [...(host?.within ?? []), 'kodi', '--standalone']
  const kodi = spawn(program, parameters, { env, stdio: 'ignore', detached: true })

  const ask = async (method: string, params: object = {}): Promise<unknown> => {
    const url = `http://127.0.0.1:${port}/jsonrpc`
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const answer = host === undefined ? await post(url, body) : await postWithin(host, url, body)
    const { result, error } = JSON.parse(answer) as { result?: unknown; error?: object }
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
    return result
  }
  const close = async (): Promise<void> => {
    const ended = once(kodi, 'exit')
    await ask('Application.Quit').catch(() => undefined)
    const limit = setTimeout(() => endGroup(kodi), 15_000)
    if (kodi.exitCode === null && kodi.signalCode === null) await ended
    clearTimeout(limit)
    const dark = once(screen.process, 'exit')
    screen.process.kill()
    await dark
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }

  try {
    await vi.waitFor(() => ask('JSONRPC.Ping'), { timeout: 90_000, interval: 250 })
    await ask('Addons.SetAddonEnabled', { addonid: addon, enabled: true })
    await vi.waitFor(() => ask('PVR.GetChannels', { channelgroupid: 'alltv' }), {
      timeout: 60_000,
      interval: 250,
    })
  } catch (error) {
    await close()
    throw error
  }
  return {
    ask,
    labels: async <Name extends string>(...labels: Name[]) =>
      (await ask('XBMC.GetInfoLabels', { labels })) as Record<Name, string>,
    log: () => readFileSync(join(home, '.kodi/temp/kodi.log'), 'utf8').split('\n'),
    close,
  }
}

async function post(url: string, body: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  })
  return await response.text()
}

function postWithin(host: Host, url: string, body: string): Promise<string> {
  return host.run('curl', '-fsS', '-H', 'Content-Type: application/json', '-d', body, url)
}

function configure(home: string, port: number, { addon, settings }: Required<Omit<KodiSetup, 'host'>>): void {
  const userdata = join(home, '.kodi/userdata')
  const folder = join(userdata, 'addon_data', addon)
  mkdirSync(folder, { recursive: true })
  const kodiSettings = {
    'services.webserver': 'true',
    'services.webserverport': String(port),
    'services.webserverauthentication': 'false',
    'services.esenabled': 'false', // its ports are fixed
    'services.zeroconf': 'false',
    'pvrmanager.usebackendchannelnumbers': 'true',
  }
  writeFileSync(join(userdata, 'guisettings.xml'), settingsFile(kodiSettings))
  // Kodi 20 and later read the second file.
  for (const name of ['settings.xml', 'instance-settings-1.xml'])
    writeFileSync(join(folder, name), settingsFile(settings))
  // Radio plays only where there is something to play it on.
  writeFileSync(join(home, '.asoundrc'), 'pcm.!default { type null }\nctl.!default { type null }\n')
}

function settingsFile(values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([id, value]) => `<setting id="${id}">${value}</setting>\n`)
  return `<settings version="2">\n${lines.join('')}</settings>\n`
}

async function startScreen(): Promise<{ process: ChildProcess; display: string }> {
  const args = ['-displayfd', '3', '-screen', '0', '640x360x24', '-nolisten', 'tcp']
  const child = spawn('Xvfb', args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  const [number] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer]
  return { process: child, display: number.toString().trim() }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function endGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL')
}
