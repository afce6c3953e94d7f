// Receivers that misbehave while a good lineup is there: it stays, the state says what is wrong, and the
// next good answer puts everything right.
import { createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Guide } from '../../src/guide/guide.ts'
import { generationMs } from '../demo/client.ts'
import { house, type House } from './house.ts'

let home: House
let door: Server
/** What happens to a request instead of an answer; undefined hands it on to the demo receiver. */
let trouble: ((response: ServerResponse, url: string) => boolean) | undefined
let guide: Guide

beforeEach(async () => {
  trouble = undefined
  home = await house()
  door = createServer((incoming, response) => {
    if (trouble?.(response, incoming.url ?? '') === true) return
    request(home.box.webUrl + (incoming.url ?? ''), (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    }).end()
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  const owiBase = `http://127.0.0.1:${(door.address() as AddressInfo).port}`
  guide = home.open({}, { owiBase, timeoutMs: 600, guideTimeoutMs: 600 })
  await guide.refresh('all').done
}, generationMs)
afterEach(async () => {
  door.closeAllConnections()
  door.close()
  await home[Symbol.asyncDispose]()
})

const end =
  (status: number, text = '') =>
  (response: ServerResponse) => {
    response.writeHead(status).end(text)
    return true
  }

describe('a receiver that', () => {
  it.each([
    ['wants another password', end(401), 'refused', 'RECEIVER_REFUSED'],
    ['takes us for a stranger', end(403), 'refused', 'RECEIVER_REFUSED'],
    ['is out of memory', end(500, 'MemoryError'), 'broken', 'RECEIVER_BROKEN'],
    ['sends a page for people', end(200, '<html>Welcome</html>'), 'broken', 'RECEIVER_BROKEN'],
    ['sends half of an answer', end(200, '{"bouquets": [["1:7'), 'broken', 'RECEIVER_BROKEN'],
    ['says nothing', () => true, 'slow', 'RECEIVER_TIMEOUT'],
    [
      'hangs up',
      (response: ServerResponse) => {
        response.destroy()
        return true
      },
      'unreachable',
      'RECEIVER_UNREACHABLE',
    ],
  ])('%s', async (_, what, state, code) => {
    const channels = guide.channels()
    const { programmes } = guide.status().guide
    trouble = what
    expect(await guide.refresh('all').done).toMatchObject({ isComplete: false, error: code })
    expect(guide.status().receiver).toMatchObject({ state, lastError: { code } })
    expect(guide.channels()).toEqual(channels)
    expect(guide.status().guide.programmes).toBe(programmes)
    expect(guide.isReady()).toEqual([])
    expect(await guide.xmltv()).toBeDefined()

    trouble = undefined
    expect(await guide.refresh('all').done).toMatchObject({ isComplete: true })
    expect(guide.status().receiver).toMatchObject({ state: 'ok', lastError: undefined })
  })

  it('lists nothing while it starts keeps its channels', async () => {
    trouble = (response, url) => url.includes('getservices') && end(200, '{"services":[]}')(response)
    expect(await guide.refresh('channels').done).toMatchObject({
      isComplete: false,
      error: 'RECEIVER_BROKEN',
    })
    expect(guide.channels()).toHaveLength(13)
  })

  it('fails on one channel costs that channel alone', async () => {
    trouble = (response, url) => url.includes('epgservice') && url.includes('132F') && end(500)(response)
    const before = guide.programmes('1-0-19-132F-3EF-1-C00000.enigma2', 0, 2 ** 40)
    expect(await guide.refresh('guide').done).toMatchObject({ isComplete: true, fetched: 12, failed: 1 })
    expect(guide.programmes('1-0-19-132F-3EF-1-C00000.enigma2', 0, 2 ** 40)).toEqual(before)
  })

  it('has no guide at the moment erases none', async () => {
    const { programmes } = guide.status().guide
    trouble = (response, url) => url.includes('epg') && end(200, '{"events":[],"result":true}')(response)
    expect(await guide.refresh('guide').done).toMatchObject({ isComplete: true })
    expect(guide.status().guide.programmes).toBe(programmes)
  })

  it('knows no page for now and next has its guide all the same', async () => {
    await guide.close()
    trouble = (response, url) => url.includes('epgnownext') && end(404)(response)
    const owiBase = `http://127.0.0.1:${(door.address() as AddressInfo).port}`
    guide = home.open({ dataDir: `${home.dataDir}/other` }, { owiBase })
    expect(await guide.refresh('all').done).toMatchObject({ isComplete: true, fetched: 13 })
  })
})
