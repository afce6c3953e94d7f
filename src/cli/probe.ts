// Is there a receiver's web interface at an address? One question with a short limit, no redirects, no more
// than a page read: whoever answers may be anything.
import { get, type IncomingMessage } from 'node:http'
import { readAnswer } from '../receiver/answer.ts'
import { readAbout } from '../receiver/device.ts'

export interface Finding {
  readonly url: string
  /** Model and image; undefined where it wants a login first. */
  readonly name: string | undefined
}

const longestAnswerBytes = 256 * 1024

/** @param url  `http://host[:port]`
 *  @returns what is there; undefined if it is no receiver, or does not answer in time */
export async function probe(url: string, timeoutMs = 3000): Promise<Finding | undefined> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${url}/api/about`, { signal, agent: false }, resolve).on('error', reject)
    })
    const body = await read(response)
    if (response.statusCode === 401) {
      const isOurs = /realm="?openwebif/i.test(response.headers['www-authenticate'] ?? '')
      return isOurs ? { url, name: undefined } : undefined
    }
    if (response.statusCode !== 200 || body === undefined) return undefined
    const { brand, model, image, webif } = readAbout(readAnswer(body))
    if (model === '' || webif === '') return undefined
    const box = model.startsWith(brand) ? model : `${brand} ${model}`
    return { url, name: [box.trim(), image, `OpenWebIF ${webif}`].filter((word) => word !== '').join(', ') }
  } catch {
    return undefined // no answer, or one that makes no sense: no receiver
  }
}

async function read(response: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece)
    if ((bytes += piece.length) > longestAnswerBytes) return undefined
  }
  return Buffer.concat(pieces)
}
