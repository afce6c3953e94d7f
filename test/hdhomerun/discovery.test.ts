// The real clients, each on a host of its own: what they find, where, and that it is gone afterwards.
import { spawnSync } from 'node:child_process'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Announced } from './announcer.ts'
import { device, second, vectors } from './devices.ts'
import { connect, hasNamespaces, Host, type Program } from './namespace.ts'

const patient = { timeout: 40_000, interval: 100 }
const mediaServer = 'urn:schemas-upnp-org:device:MediaServer:1'
const usn = `uuid:${device.udn}`

function has(program: string, debianPackage: string): boolean {
  const isThere = spawnSync(program, ['--help']).error === undefined
  if (!isThere) process.stderr.write(`SKIPPED: ${program} is not installed (${debianPackage})\n`)
  return isThere
}

const hasConfig = has('hdhomerun_config', 'hdhomerun-config')
const hasGssdp = has('gssdp-discover', 'gupnp-tools')

const hosts: Host[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

function host(label: string): Host {
  const made = new Host(label)
  hosts.push(made)
  return made
}

async function announce(server: Host, announced: Announced = {}): Promise<Program> {
  const program = server.start(process.execPath, here('announcer'), JSON.stringify(announced))
  await vi.waitFor(() => expect(program.printed).toContain('devices made known'), patient)
  return program
}

/** A server and a client, joined by the network 192.168.77.0/24. */
function pair(): { server: Host; client: Host } {
  const [server, client] = [host('server'), host('client')]
  connect('lan0', [
    [server, '192.168.77.1/24'],
    [client, '192.168.77.2/24'],
  ])
  client.ip('route', 'add', '224.0.0.0/4', 'dev', 'lan0')
  return { server, client }
}

function here(program: string): string {
  return new URL(`./${program}.ts`, import.meta.url).pathname
}

/** The base URL in the first reply to a packet. */
async function baseUrl(client: Host, address: string, device = ''): Promise<string> {
  return (
    await client.run(process.execPath, here('asker'), address, vectors.tunersOnly.toString('hex'), device)
  ).trim()
}

describe.skipIf(!hasNamespaces)('startDiscovery', { timeout: 90_000 }, () => {
  describe.skipIf(!hasConfig)('for hdhomerun_config', () => {
    it('is found by broadcast and by address, and tells what it is and does', async () => {
      const { server, client } = pair()
      await announce(server)
      const config = (...parameters: string[]) => client.run('hdhomerun_config', ...parameters)
      const found = 'hdhomerun device 10439EFD found at 192.168.77.1\n'
      expect(await config('discover')).toBe(found)
      expect(await config('discover', '192.168.77.1')).toBe(found)
      expect(await config('10439EFD', 'get', '/sys/model')).toBe('HDHR5-4DT\n')
      expect(await config('10439EFD', 'get', '/tuner0/status')).toBe(
        'ch=none lock=none ss=0 snq=0 seq=0 bps=0 pps=0\n',
      )
      expect(await config('10439EFD', 'get', '/tuner9/status')).toContain('ERROR: unknown getset variable')
      expect(await config('10439EFD', 'set', '/tuner0/channel', 'auto:1')).toContain('ERROR: read only')
    })

    it('is found as often as it has devices, each by its own id', async () => {
      const { server, client } = pair()
      await announce(server, { devices: [device, second] })
      const found = await client.run('hdhomerun_config', 'discover')
      expect(found.trim().split('\n').sort()).toEqual([
        'hdhomerun device 10439EFD found at 192.168.77.1',
        'hdhomerun device 124205A5 found at 192.168.77.1',
      ])
      expect(await client.run('hdhomerun_config', '124205A5', 'get', '/sys/version')).toBe('20250506\n')
    })

    it('tells what a tuner does', async () => {
      const { server, client } = pair()
      const channel = { number: '3', name: 'Arte' }
      await announce(server, {
        tuners: [{ index: 0, channel, bitrate: 8_000_000, strength: 80, quality: 70 }],
      })
      expect(await client.run('hdhomerun_config', '10439EFD', 'get', '/tuner0/status')).toBe(
        'ch=auto:v3 lock=auto ss=80 snq=70 seq=100 bps=8000000 pps=0\n',
      )
    })

    it('is found on a network that came later, and after its address has changed', async () => {
      const [server, client] = [host('server'), host('client')]
      await announce(server)
      const discovered = async (address: string) => {
        const found = await client.run('hdhomerun_config', 'discover')
        expect(found).toBe(`hdhomerun device 10439EFD found at ${address}\n`)
        expect(await baseUrl(client, '255.255.255.255')).toBe(`http://${address}:5004`)
      }
      connect('lan0', [
        [server, '192.168.77.1/24'],
        [client, '192.168.77.2/24'],
      ])
      client.ip('route', 'add', 'default', 'dev', 'lan0')
      await vi.waitFor(() => discovered('192.168.77.1'), patient)
      server.ip('address', 'del', '192.168.77.1/24', 'dev', 'lan0')
      server.ip('address', 'add', '192.168.77.9/24', 'broadcast', '+', 'dev', 'lan0')
      await vi.waitFor(() => discovered('192.168.77.9'), patient)
    })
  })

  describe('for clients of several networks', () => {
    it('is where each of them reaches it, over IPv4 and IPv6', async () => {
      const { server, client } = pair()
      const other = host('other')
      connect('lan1', [
        [server, '10.20.0.1/16'],
        [other, '10.20.3.4/16'],
      ])
      for (const [one, name, address] of [
        [server, 'lan0', 'fd00:77::1/64'],
        [client, 'lan0', 'fd00:77::2/64'],
      ] as const)
        one.ip('address', 'add', address, 'nodad', 'dev', name)
      const program = await announce(server)
      expect(await baseUrl(client, '192.168.77.255')).toBe('http://192.168.77.1:5004')
      expect(await baseUrl(other, '10.20.255.255')).toBe('http://10.20.0.1:5004')
      const byGroup = () => baseUrl(client, 'ff02::176', 'lan0')
      await vi.waitFor(async () => expect(await byGroup()).toBe('http://[fd00:77::1]:5004'), patient)
      expect(await baseUrl(client, 'ff05::176', 'lan0')).toBe('http://[fd00:77::1]:5004')
      expect(await program.stop()).toBe(0)
    })
  })

  describe.skipIf(!hasGssdp)('for gssdp-discover', () => {
    const search = (client: Host, device: string, target: string) =>
      client.run('gssdp-discover', '-i', device, '-n', '5', '-t', target)

    it('is found with the right address, and noticed when it goes', async () => {
      const { server, client } = pair()
      const watch = client.start('gssdp-discover', '-i', 'lan0', '-m', 'all')
      await vi.waitFor(() => expect(watch.printed).toContain('Showing'), patient)
      const program = await announce(server)
      for (const target of ['::upnp:rootdevice', '', `::${mediaServer}`])
        await vi.waitFor(
          () =>
            expect(watch.printed).toContain(
              `resource available\n  USN:      ${usn}${target}\n  Location: http://192.168.77.1:5004/device.xml\n`,
            ),
          patient,
        )
      expect(watch.printed).not.toContain('resource unavailable')
      expect(await program.stop()).toBe(0)
      for (const target of ['::upnp:rootdevice', '', `::${mediaServer}`])
        await vi.waitFor(
          () => expect(watch.printed).toContain(`resource unavailable\n  USN:      ${usn}${target}\n`),
          patient,
        )
    })

    it('is found by its type, long after it was announced, on each network at its address there', async () => {
      const { server, client } = pair()
      const other = host('other')
      connect('lan1', [
        [server, '10.20.0.1/16'],
        [other, '10.20.3.4/16'],
      ])
      const program = await announce(server, { devices: [device, second] })
      const [here, there, nothing] = await Promise.all([
        search(client, 'lan0', mediaServer),
        search(other, 'lan1', `uuid:${second.udn}`),
        search(other, 'lan1', 'urn:schemas-upnp-org:device:MediaRenderer:1'),
      ])
      const places = (found: string) => (found.match(/(?<=Location: ).*/g) ?? []).sort()
      expect(places(here)).toEqual([
        'http://192.168.77.1:5004/2/device.xml',
        'http://192.168.77.1:5004/device.xml',
      ])
      expect(places(there)).toEqual(['http://10.20.0.1:5004/2/device.xml'])
      expect(places(nothing)).toEqual([])
      expect(await program.stop()).toBe(0)
      expect(program.printed).toMatch(/{protocol="ssdp",outcome="answered"} [1-9]/)
      expect(program.printed).toMatch(/{protocol="ssdp",outcome="ignored"} [1-9]/)
    })

    it('is announced on a network that came later', async () => {
      const { server, client } = pair()
      await announce(server)
      connect('lan1', [
        [server, '10.20.0.1/16'],
        [client, '10.20.3.4/16'],
      ])
      await vi.waitFor(
        async () =>
          expect(await search(client, 'lan1', 'upnp:rootdevice')).toContain('http://10.20.0.1:5004/'),
        patient,
      )
    })
  })

  it('is found by ssdp-js', async () => {
    const { server, client } = pair()
    await announce(server)
    const search = new URL('../../src/cli/search.ts', import.meta.url).pathname
    expect((await client.run(process.execPath, search, '5')).trim()).toBe('192.168.77.1')
  })

  it('does without a port that somebody else has, and says so', async () => {
    const { server, client } = pair()
    const taker = server.start(
      process.execPath,
      '-e',
      `require('net').createServer().listen(65001)
       require('dgram').createSocket('udp4').bind(1900, () => console.log('taken'))`,
    )
    await vi.waitFor(() => expect(taker.printed).toContain('taken'), patient)
    const program = await announce(server)
    const warnings = program.printed.split('\n').filter((line) => line.includes('"level":"warn"'))
    expect(warnings.map((line) => (JSON.parse(line) as { port: number }).port).sort()).toEqual([1900, 65001])
    expect(await baseUrl(client, '192.168.77.1')).toBe('http://192.168.77.1:5004')
    expect(await program.stop()).toBe(0)
  })
})
