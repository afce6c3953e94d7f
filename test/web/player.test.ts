// The player in a browser, with the daemon's own HLS: each channel of the demo receiver that a browser can decode
// moves and sounds, and of each other one it is said why not.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { open, type House } from '../e2e/house.ts'
import { visit, type Visit } from './chromium.ts'
import { hasChromium, startChromium } from './launch.ts'

const playable = [
  'h264-1080i',
  'h264-long-gop',
  'latm',
  'description',
  'open-gop',
  'switching',
  'mono-44k1',
  'absent-audio',
  'radio-mp2',
  'radio-aac',
] as const
const foreign = ['mpeg2', 'hevc'] as const
const streams = [...playable, ...foreign]
const tuners = 16 // each visit leaves its channel's behind for some seconds
const startMs = 25_000
const slowMs = 130 // for each part, of 200 ms

describe.skipIf(!hasChromium)('the player', () => {
  let house: House
  let browser: Browser
  let guest: Visit
  let page: Page

  const nameOf = (kind: string) => house.demo.channels.find((channel) => channel.kind === kind)?.name ?? ''
  const isRadio = (kind: string) => kind.startsWith('radio')
  const choose = (kind: string) =>
    page
      .getByRole('list', { name: 'Channels' })
      .getByRole('link', { name: nameOf(kind) })
      .first()
      .click()
  const seen = () =>
    page.evaluate(() => {
      const video = document.querySelector('video') as HTMLVideoElement & {
        webkitAudioDecodedByteCount: number
      }
      return {
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
        soundBytes: video.webkitAudioDecodedByteCount,
        at: video.currentTime,
        phase: document.querySelector('.screen')?.getAttribute('data-phase'),
      }
    })
  const plays = async (kind: string) => {
    await vi.waitFor(async () => expect(await seen()).toMatchObject({ phase: 'playing' }), {
      timeout: startMs,
    })
    const before = await seen()
    await vi.waitFor(
      async () => {
        const now = await seen()
        expect(now.at).toBeGreaterThan(before.at + 1)
        expect(now.soundBytes).toBeGreaterThan(before.soundBytes)
        if (!isRadio(kind)) expect(now.frames).toBeGreaterThan(before.frames + 10)
      },
      { timeout: startMs },
    )
  }

  beforeAll(async () => {
    house = await open({ streams, tuners })
    browser = await startChromium()
    await vi.waitFor(
      async () => expect((await fetch(`http://127.0.0.1:${house.daemon.apiPort}/readyz`)).status).toBe(200),
      { timeout: 20_000 },
    )
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    await house.close()
  })
  beforeEach(async () => {
    guest = await visit(browser, `http://127.0.0.1:${house.daemon.apiPort}/`)
    page = guest.page
    await page.locator('.row[data-id]').first().waitFor()
  })
  afterEach(async () => {
    const { violations, foreign: others, errors } = guest
    await guest.close()
    expect({ violations, others, errors }).toEqual({ violations: [], others: [], errors: [] })
  })

  it.each(playable)('plays %s, picture and sound', { timeout: 90_000 }, async (kind) => {
    await choose(kind)
    await plays(kind)
    expect(await page.getByRole('alert').isVisible()).toBe(false)
    expect(await page.title()).toBe(nameOf(kind))
  })

  it.each([
    ['mpeg2', 'MPEG-2'],
    ['hevc', 'HEVC (H.265)'],
  ] as const)(
    'says that %s is not for this browser, and offers the stream',
    { timeout: 60_000 },
    async (kind, codec) => {
      const type = kind === 'hevc' ? 'hvc1.1.6.L123.90' : 'mp4v.61'
      const canPlay = await page.evaluate(
        (codecs) => MediaSource.isTypeSupported(`video/mp4; codecs="${codecs}"`),
        type,
      )
      expect(canPlay).toBe(false) // else this browser has more than most, and the test nothing to say
      await choose(kind)
      const notice = page.getByRole('alert')
      await notice.getByText(`picture is ${codec}`).waitFor({ timeout: startMs })
      const address = await notice.getByRole('link', { name: 'Stream address' }).getAttribute('href')
      expect(address).toBe(`http://127.0.0.1:${house.proxyPort}/${house.ref(kind)}`)
      const list = await notice.getByRole('link', { name: 'Open in a player' }).getAttribute('href')
      expect(decodeURIComponent(list ?? '')).toContain(`${nameOf(kind)}\n${address}`)
    },
  )

  it('zaps by keyboard, and remembers the last channel', { timeout: 90_000 }, async () => {
    await choose('mono-44k1')
    await plays('mono-44k1')
    await page.keyboard.press('PageUp')
    await vi.waitFor(async () => expect(await page.title()).not.toBe(nameOf('mono-44k1')))
    await page.keyboard.press('PageDown')
    await vi.waitFor(async () => expect(await page.title()).toBe(nameOf('mono-44k1')))
    await plays('mono-44k1')
    await page.goto(page.url().split('#')[0] ?? '')
    await page.getByRole('link', { name: `Continue with ${nameOf('mono-44k1')}` }).click()
    await plays('mono-44k1')
  })

  it('changes to another sound, and keeps to it', { timeout: 90_000 }, async () => {
    await choose('description')
    await plays('description')
    await page.getByRole('button', { name: 'Sound and language' }).click()
    await page.getByRole('menuitemradio', { name: /audio description/ }).click()
    await plays('description')
    const checked = async () => {
      const button = page.getByRole('button', { name: 'Sound and language' })
      await button.focus()
      await page.keyboard.press('Enter')
      const name = await page.getByRole('menuitemradio', { checked: true }).textContent()
      await page.keyboard.press('Escape')
      return name
    }
    expect(await checked()).toContain('audio description')
    await page.reload()
    await plays('description')
    expect(await checked()).toContain('audio description')
  })

  it('pauses, goes on at the live edge, and is silent when told so', { timeout: 90_000 }, async () => {
    await choose('mono-44k1')
    await plays('mono-44k1')
    await page.keyboard.press('m')
    await page.getByRole('button', { name: 'Unmute' }).waitFor()
    await page.keyboard.press('k')
    await page.getByRole('button', { name: 'Play', exact: true }).waitFor()
    expect((await seen()).phase).toBe('paused')
    await page.keyboard.press('k')
    await plays('mono-44k1')
    expect(await page.evaluate(() => document.querySelector('video')?.muted)).toBe(true)
  })

  it(
    'goes on in the corner of the other views, and ends when it is closed',
    { timeout: 90_000 },
    async () => {
      await choose('mono-44k1')
      await plays('mono-44k1')
      await page.getByRole('link', { name: 'Guide' }).click()
      await plays('mono-44k1')
      const corner = await page.getByRole('region', { name: 'Player' }).boundingBox()
      expect(corner?.width).toBeLessThan(400)
      await page.getByRole('link', { name: 'Live', exact: true }).click()
      await plays('mono-44k1')
      await page.getByRole('button', { name: 'Stop watching' }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'What would you like to watch?' }).waitFor()
      expect(await page.evaluate(() => document.querySelector('video')?.hasAttribute('src'))).toBe(false)
    },
  )

  // On such a device a part is still being taken in when the playlist tells of the next, which may be its segment's last.
  it('goes on without a break where the device is slow', { timeout: 90_000 }, async () => {
    await page.addInitScript((ms) => {
      window.Worker = class extends Worker {
        override postMessage(...args: unknown[]): void {
          setTimeout(() => super.postMessage(...(args as [unknown])), ms)
        }
      }
    }, slowMs)
    await page.reload()
    let begun = 0
    page.on('request', (request) => (begun += Number(request.url().endsWith('/index.m3u8'))))
    await choose('latm')
    await vi.waitFor(async () => expect((await seen()).at).toBeGreaterThan(15), { timeout: 45_000 })
    expect(begun).toBe(1)
  })

  it('says when no tuner is free', { timeout: 60_000 }, async () => {
    await page.route('**/hls/**', (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/json',
        body: '{"error":{"code":"NO_TUNER","message":"All 4 tuners are in use"}}',
      }),
    )
    await choose('latm')
    await page.getByRole('alert').getByText('All tuners are in use').waitFor({ timeout: startMs })
    await page.unroute('**/hls/**')
    await page.getByRole('button', { name: 'Try again' }).click()
    await plays('latm')
  })
})
