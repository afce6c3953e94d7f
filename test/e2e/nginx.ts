// nginx as a child, with the file that etc/ has for it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { issue, type Issued } from '../base/issuer.ts'
import { freePort } from './port.ts'

export interface Nginx {
  readonly url: string
  /** What the daemon has answered it, in order; not what its last player had left. */
  asked(): Asked[]
  /** A connection of HTTP/2 of its own. */
  connect(): ClientHttp2Session
  close(): Promise<void>
}

export interface Asked {
  /** With its query. */
  readonly url: string
  /** Since 1970. */
  readonly ms: number
}

export interface Places {
  /** Ports of the daemon. */
  readonly api: number
  readonly streams: number
  /** Plain HTTP in place of TLS, for benchmarks of something else. */
  readonly isPlain?: boolean
}

const file = 'etc/nginx/xg2g.conf'
const program = '/usr/sbin/nginx' // not in everybody's PATH
const startMs = 10_000
const lookMs = 20

/** Starts nginx in front of the two ports; what the file says of places is the only thing changed in it. */
export async function startNginx(places: Places): Promise<Nginx> {
  const { isPlain = false } = places
  const folder = mkdtempSync(join(tmpdir(), 'xg2g-nginx-'))
  const certificate = issue(folder)
  const port = await freePort()
  writeFileSync(join(folder, 'xg2g.conf'), placed(folder, certificate, { port, ...places }))
  writeFileSync(join(folder, 'nginx.conf'), surroundings(folder))
  const child = spawn(program, ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')])
  const ended = once(child, 'close')
  let said = ''
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()))
  const sessions: ClientHttp2Session[] = []
  const failed = ended.then(() => {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`nginx does not start: ${said}`)
  })
  failed.catch(() => undefined)
  await Promise.race([reached(port), failed])
  return {
    url: `${isPlain ? 'http' : 'https'}://localhost:${port}`,
    asked() {
      const lines = readFileSync(join(folder, 'asked.log'), 'utf8').split('\n')
      return lines.filter((line) => line !== '').map(readAsked)
    },
    connect() {
      const session = connectHttp2(`https://localhost:${port}`, { ca: readFileSync(certificate.cert) })
      session.on('error', () => undefined)
      sessions.push(session)
      return session
    },
    async close() {
      for (const session of sessions) session.destroy()
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function readAsked(line: string): Asked {
  const [seconds = '', url = ''] = line.split(' ')
  return { url, ms: 1000 * Number(seconds) }
}

function placed(
  folder: string,
  { cert, key }: Issued,
  { port, api, streams, isPlain = false }: Places & { port: number },
): string {
  const places: readonly (readonly [string, string])[] = [
    ['    listen [::]:443 ssl http2;\n', ''],
    ['    listen 443 ssl http2;', `    listen 127.0.0.1:${port}${isPlain ? '' : ' ssl http2'};`],
    ['127.0.0.1:8080', `127.0.0.1:${api}`],
    ['127.0.0.1:8001', `127.0.0.1:${streams}`],
    ['server_name tv.example.org', 'server_name localhost'],
    ['/var/cache/nginx/xg2g', join(folder, 'cache')],
    ['/etc/ssl/xg2g/fullchain.pem', cert],
    ['/etc/ssl/xg2g/privkey.pem', key],
  ]
  return places.reduce(
    (text, [from, to]) => {
      if (text.split(from).length !== 2) throw new Error(`Expected once in ${file}: ${from}`)
      return text.replace(from, to)
    },
    readFileSync(file, 'utf8'),
  )
}

// What Debian's nginx.conf has around it, without what belongs to root.
function surroundings(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${join(folder, what)};`)
    .join(' ')
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user} daemon off; worker_processes 1; pid ${join(folder, 'pid')};
events { worker_connections 4096; }
http {
  log_format asked '$msec $request_uri';
  map $upstream_status $has_asked { default 0; 200 1; }
  access_log ${join(folder, 'asked.log')} asked if=$has_asked;
  ${temporary} gzip on; include xg2g.conf;
}
`
}

async function reached(port: number): Promise<void> {
  for (const end = performance.now() + startMs; performance.now() < end; await delay(lookMs)) {
    const socket = connect(port, '127.0.0.1')
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isThere) return
  }
  throw new Error(`Expected nginx to listen within ${startMs} ms`)
}
