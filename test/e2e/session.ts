// Requests on a connection of HTTP/2, for the tests here.
import type { ClientHttp2Session } from 'node:http2'

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** Asks and reads the answer to its end. */
export function askOn(
  session: ClientHttp2Session,
  path: string,
  { method = 'GET', headers = {} }: Asked = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, ':method': method, ...headers })
    let told: Record<string, unknown> = {}
    const pieces: Buffer[] = []
    stream.on('response', (response) => (told = response)).on('error', reject)
    stream.on('data', (piece: Buffer) => pieces.push(piece))
    stream.on('end', () =>
      resolve({ status: Number(told[':status']), headers: told, body: Buffer.concat(pieces).toString() }),
    )
    stream.end()
  })
}
