// The page in a browser, in front of the daemon and the demo receiver: what a viewer sees and can do.
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { open, type House } from '../e2e/house.ts'
import { desk, phone, visit, type Visit } from './chromium.ts'
import { hasChromium, startChromium } from './launch.ts'
import { contrastsOf } from './contrast.ts'

interface Programme {
  readonly title: string
  readonly start: number
  readonly stop: number
}
interface Channel {
  readonly id: string
  readonly number: number
  readonly name: string
  readonly groups: readonly string[]
}
interface OnAir {
  readonly channelId: string
  readonly now?: Programme
  readonly next?: Programme
}

const views = ['#/', '#/guide', '#/figures', '#/system'] as const

describe.skipIf(!hasChromium)('the page', () => {
  let house: House
  let browser: Browser
  let channels: readonly Channel[]
  let onAir: readonly OnAir[]
  let guest: Visit | undefined

  const at = (path: string) => `http://127.0.0.1:${house.daemon.apiPort}/${path}`
  const json = async <T>(path: string) => (await (await fetch(at(path))).json()) as T
  const come = async (hash = '', options = {}) => {
    guest = await visit(browser, at(hash), options)
    return guest.page
  }
  const rows = (page: Page) => page.getByRole('list', { name: 'Channels' }).getByRole('listitem')
  const names = (page: Page) => rows(page).locator('.row-title').allTextContents()

  beforeAll(async () => {
    house = await open(
      { streams: ['mpeg2', 'radio-mp2', 'mono-44k1'], atLeast: 14 },
      { XG2G_HLS_LINGER: '10s' }, // the guide is read faster when no stream runs
    )
    browser = await startChromium()
    await vi.waitFor(
      async () => {
        const { guide } = await json<{ guide: { channelsWithData: number } }>('api/v1/status')
        expect(guide.channelsWithData).toBeGreaterThan(0)
        channels = (await json<{ channels: Channel[] }>('api/v1/channels')).channels
        onAir = (await json<{ channels: OnAir[] }>('api/v1/epg')).channels
        expect(onAir.some(({ now }) => now !== undefined)).toBe(true)
      },
      { timeout: 20_000, interval: 200 },
    )
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await house.close()
  })
  // Whatever a viewer does: nothing is asked of another host, nothing breaks, the policy has nothing to refuse.
  afterEach(async () => {
    if (guest === undefined) return
    const { violations, foreign, errors } = guest
    await guest.close()
    guest = undefined
    expect({ violations, foreign, errors }).toEqual({ violations: [], foreign: [], errors: [] })
  })

  describe('list', () => {
    it('shows all channels in their order, with what is on and what comes next', async () => {
      const page = await come()
      await rows(page)
        .nth(channels.length - 1)
        .waitFor()
      expect(await names(page)).toEqual(channels.map(({ name }) => name))
      const { channelId, now, next } = onAir.find((each) => each.now && each.next) ?? {}
      const row = page.locator(`[data-id="${channelId}"]`)
      expect(await row.locator('.row-now').textContent()).toBe(now?.title)
      expect(await row.locator('.row-next').textContent()).toContain(next?.title)
    })

    it('finds channels by name, number and what is on, and programmes to come', async () => {
      const page = await come()
      const field = page.getByRole('searchbox', { name: 'Search channels and programmes' })
      const target = channels.at(-1)!
      await field.fill(target.name.toUpperCase())
      await vi.waitFor(async () => {
        expect(await rows(page).locator('visible=true').count()).toBeGreaterThan(0)
        expect(await rows(page).filter({ visible: true }).locator('.row-title').allTextContents()).toContain(
          target.name,
        )
        expect(await rows(page).filter({ visible: true }).count()).toBeLessThan(channels.length)
      })
      const { next } = onAir.find((each) => each.next !== undefined)!
      await field.fill(next!.title)
      await page.getByRole('region', { name: 'Found in the guide' }).getByText(next!.title).first().waitFor()
    })

    it('says so where nothing fits', async () => {
      const page = await come()
      await page.getByRole('searchbox', { name: 'Search channels and programmes' }).fill('qqqq')
      await page.getByText('nothing on now matches').waitFor()
      expect(await rows(page).filter({ visible: true }).count()).toBe(0)
    })

    it('shows the channels of a group', async () => {
      const page = await come()
      const group = channels.flatMap(({ groups }) => groups).find((name) => name.includes('Radio'))!
      await page.getByRole('group', { name: 'Groups' }).getByRole('button', { name: group }).click()
      const expected = channels.filter(({ groups }) => groups.includes(group)).map(({ name }) => name)
      const shown = rows(page).filter({ visible: true }).locator('.row-title')
      expect(await shown.allTextContents()).toEqual(expected)
    })

    it('keeps favourites when the page is loaded again', async () => {
      const page = await come()
      const { name } = channels[2]!
      const star = page.getByRole('button', { name: `Favourite: ${name}`, exact: true })
      await rows(page).nth(2).hover()
      await star.click()
      expect(await star.getAttribute('aria-pressed')).toBe('true')
      await page.reload()
      await page.getByRole('button', { name: 'Favourites', exact: true }).click()
      await rows(page).first().waitFor()
      expect(await rows(page).filter({ visible: true }).locator('.row-title').allTextContents()).toEqual([
        name,
      ])
    })

    it('follows when the lineup changes', async () => {
      const page = await come()
      await rows(page).nth(0).waitFor()
      await page.evaluate(() => document.querySelector('.row')?.remove())
      expect(await rows(page).count()).toBe(channels.length - 1)
      await fetch(at('api/v1/refresh'), { method: 'POST' }) // its end is told to the page
      await vi.waitFor(async () => expect(await rows(page).count()).toBe(channels.length), {
        timeout: 15_000,
      })
    })
  })

  describe('keyboard', () => {
    const focused = (page: Page) =>
      page.evaluate(
        () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent,
      )

    it('leads through the page in the order in which it is read', async () => {
      const page = await come()
      await rows(page).nth(0).waitFor()
      const seen: (string | null | undefined)[] = []
      for (let step = 0; step < 9; step++) {
        await page.keyboard.press('Tab')
        seen.push(await focused(page))
      }
      expect(seen).toEqual([
        'Skip to content',
        'xg2g, live TV',
        'Live',
        'Guide',
        'Activity',
        'System',
        'Keys',
        'Search channels and programmes',
        'All',
      ])
    })

    it('goes through the list with arrows, into the search with /, and marks a favourite', async () => {
      const page = await come()
      await rows(page).nth(0).waitFor()
      await page.keyboard.press('/')
      expect(await focused(page)).toBe('Search channels and programmes')
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('ArrowDown')
      expect(await focused(page)).toContain(channels[1]!.name)
      await page.keyboard.press('End')
      expect(await focused(page)).toContain(channels.at(-1)!.name)
      await page.keyboard.press('Home')
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe(`Favourite: ${channels[0]!.name}`)
      await page.keyboard.press('Space')
      await page
        .getByRole('button', { name: `Favourite: ${channels[0]!.name}`, exact: true, pressed: true })
        .waitFor()
    })

    it('tunes to the number that is typed, and to the channel beside it', async () => {
      const page = await come()
      await rows(page).nth(0).waitFor()
      await page.keyboard.type(String(channels[1]!.number))
      await page.keyboard.press('Enter')
      await page.waitForURL((url) => url.hash === `#/channel/${channels[1]!.id}`)
      await page.locator(`.row[data-id="${channels[1]!.id}"] [aria-current=true]`).waitFor()
      await page.keyboard.press('PageDown')
      await page.waitForURL((url) => url.hash === `#/channel/${channels[2]!.id}`)
      expect(await page.locator('.row[data-id] [aria-current=true]').count()).toBe(1)
    })

    it('shows its keys, and gives the focus back', async () => {
      const page = await come()
      await rows(page).nth(0).waitFor()
      await page.getByRole('button', { name: 'Keys' }).focus()
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'Keys' }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      expect(await focused(page)).toBe('Keys')
    })
  })

  describe('guide', () => {
    it('shows what the API says, each programme at its time', async () => {
      const page = await come('#/guide')
      const { channelId } = onAir.find(({ now }) => now !== undefined)!
      const day = new Date().setHours(0, 0, 0, 0) / 1000
      const path = `api/v1/epg/${encodeURIComponent(channelId)}?from=${day}&to=${day + 86_400}`
      const { programmes } = await json<{ programmes: Programme[] }>(path)
      const cells = page.locator(`.strip[data-id="${channelId}"] .cell`)
      await cells.first().waitFor()
      expect(await cells.locator('.cell-title').allTextContents()).toEqual(
        programmes.map(({ title }) => title),
      )
      const lefts = await cells.evaluateAll((all) => all.map((cell) => (cell as HTMLElement).offsetLeft))
      const expected = programmes.map(({ start }) => Math.round((Math.max(0, start - day) / 3600) * 300))
      expect(lefts).toEqual(expected)
      const on = programmes.filter(
        ({ start, stop }) => start <= Date.now() / 1000 && Date.now() / 1000 < stop,
      )
      expect(await page.locator(`[data-id="${channelId}"] .is-on .cell-title`).allTextContents()).toEqual(
        on.map(({ title }) => title),
      )
    })

    it('asks only for the channels in sight', async () => {
      const asked: string[] = []
      const page = await come('#/', { viewport: { width: 1280, height: 320 } })
      page.on('request', (request) => {
        if (request.url().includes('/api/v1/epg/')) asked.push(request.url())
      })
      await page.getByRole('link', { name: 'Guide' }).click()
      await page.locator('.cell').first().waitFor()
      expect(asked.length).toBeGreaterThan(0)
      expect(asked.length).toBeLessThan(channels.length)
    })

    it('goes through time and channels by arrows, and opens a programme', async () => {
      const page = await come('#/guide')
      await page.locator('.cell.is-on').first().waitFor()
      await page.locator('.cell[tabindex="0"]').focus()
      await page.keyboard.press('Home') // late in the evening what is on is the day's last
      const label = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
      const first = await label()
      await page.keyboard.press('ArrowRight')
      const second = await label()
      expect(second).not.toBe(first)
      await page.keyboard.press('ArrowDown')
      expect(await page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('gridcell')
      await page.keyboard.press('ArrowUp')
      await page.keyboard.press('Enter')
      const title = (await label.call(undefined)) ?? ''
      await page.getByRole('dialog').waitFor()
      expect(title).toBeDefined()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    })

    it('goes over midnight by arrows, in the row of the channel', async () => {
      const page = await come('#/guide')
      await page.locator('.cell.is-on').first().waitFor()
      await page.locator('.cell[tabindex="0"]').focus()
      await page.keyboard.press('End')
      const focused = () =>
        page.evaluate(() => {
          const cell = document.activeElement
          return `${cell?.closest('.strip')?.getAttribute('data-id')} ${cell?.getAttribute('aria-label')}`
        })
      const last = await focused()
      const [channel] = last.split(' ')
      await page.keyboard.press('ArrowRight')
      await page.getByText('Tomorrow').waitFor()
      await vi.waitFor(async () => expect(await focused()).toMatch(`${channel} `))
      expect(await focused()).not.toBe(last)
      await page.keyboard.press('Home') // the rest of what began before midnight, or the day's first
      const first = await focused()
      await page.keyboard.press('ArrowLeft')
      await page.getByText('Today').waitFor()
      await vi.waitFor(async () => expect(await focused()).toMatch(`${channel} `))
      expect(await focused()).not.toBe(first)
    })

    it('shows another day, and comes back to now', async () => {
      const page = await come('#/guide')
      await page.locator('.cell.is-on').first().waitFor()
      await page.getByRole('button', { name: 'The day after' }).click()
      await page.getByText('Tomorrow').waitFor()
      await page.locator('.cell').first().waitFor()
      // What is on may last into tomorrow: the first of a strip, cut at midnight.
      expect(await page.locator('.cell.is-on:not(:first-child)').count()).toBe(0)
      expect(await page.locator('.now-line').isVisible()).toBe(false)
      await page.getByRole('button', { name: 'Now' }).click()
      await page.locator('.cell.is-on').first().waitFor()
      await page.getByText('Today').waitFor()
    })
  })

  describe('activity', () => {
    it('shows who is watching, how fast, and ends a stream', async () => {
      const page = await come('#/figures')
      await page.getByText('Nobody is watching now').waitFor() // who watched HLS is counted for some seconds more
      const watching = new AbortController()
      const response = await fetch(house.url('mono-44k1'), { signal: watching.signal })
      const drained = response.body!.pipeTo(new WritableStream()).catch(() => undefined)
      const card = page.locator('.stream-card')
      await card.getByText('127.0.0.1').waitFor()
      await card
        .locator('.card-rate')
        .filter({ hasText: /\d bit\/s|\d kbit\/s|\d Mbit\/s/ })
        .waitFor()
      await page.locator('.chart-card canvas').waitFor()
      await page.getByRole('button', { name: /^End / }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click()
      await page.getByText('Nobody is watching now').waitFor()
      await drained
      watching.abort()
    })

    it('asks while somebody looks, and not in another view', async () => {
      const page = await come('#/figures')
      let asked = 0
      page.on('request', (request) => void (asked += request.url().includes('/api/v1/streams') ? 1 : 0))
      await page.clock.install()
      await page.reload()
      await page.getByText('Nobody is watching now').waitFor()
      await page.clock.runFor(10_000)
      await vi.waitFor(() => expect(asked).toBeGreaterThan(1))
      await page.getByRole('link', { name: 'Live', exact: true }).click()
      asked = 0
      await page.clock.runFor(60_000)
      expect(asked).toBe(0)
    })
  })

  describe('system', () => {
    it('shows receiver, tuners, guide and threads', async () => {
      const page = await come('#/system')
      await page.getByText('Answers').waitFor()
      expect(await page.getByRole('list', { name: 'Tuners' }).getByRole('listitem').count()).toBeGreaterThan(
        0,
      )
      await page.getByText(/\d+ running/).waitFor()
      await page.getByText(`${channels.length} channels`).first().waitFor()
    })

    it('refreshes, and shows how far it is', { timeout: 90_000 }, async () => {
      const page = await come('#/system')
      const button = page.getByRole('button', { name: 'Refresh channels and guide' })
      await button.click()
      await page.getByRole('progressbar', { name: 'Refresh' }).waitFor()
      await page.getByText(/Reading the guide: \d+ of \d+/).waitFor()
      await page.getByText(/^Last refresh: /).waitFor({ timeout: 60_000 })
      await vi.waitFor(async () => expect(await button.isEnabled()).toBe(true))
    })

    it('shows every setting with its meaning, and finds one', async () => {
      const page = await come('#/system')
      await page.getByRole('button', { name: 'Show all settings' }).click()
      const line = page.getByRole('row').filter({ hasText: 'XG2G_EPG_DAYS' })
      await line.getByText('How many days of the guide are kept').waitFor()
      await page.getByRole('searchbox', { name: 'Search settings' }).fill('epg_days')
      expect(await page.getByRole('row').filter({ visible: true }).count()).toBe(2) // with the head
      await page.getByRole('button', { name: 'Read it again' }).click()
      await page.getByText('Nothing has changed.').waitFor()
    })

    it('keeps the colours that were chosen', async () => {
      const page = await come('#/system', { colorScheme: 'light' })
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      const light = await ground()
      await page.getByRole('radio', { name: 'Dark' }).check()
      expect(await ground()).not.toBe(light)
      const dark = await ground()
      await page.reload()
      await page.getByRole('radio', { name: 'Dark', checked: true }).waitFor()
      expect(await ground()).toBe(dark)
    })
  })

  describe('everyone', () => {
    it.each(views)('finds names for all controls at %s', async (hash) => {
      const page = await come(hash)
      await page.locator('.row[data-id]').first().waitFor({ state: 'attached' })
      const nameless = await page
        .locator('button, a, input, select, [role=gridcell], video')
        .evaluateAll((all) =>
          all
            .filter((each) => each.checkVisibility())
            .filter((each) => {
              const label = each.getAttribute('aria-label') ?? each.getAttribute('title') ?? each.textContent
              return label.trim() === '' && each.closest('label') === null
            })
            .map((each) => each.outerHTML),
        )
      expect(nameless).toEqual([])
      expect(await page.getByRole('main').count()).toBe(1)
      expect(await page.getByRole('navigation', { name: 'Views' }).count()).toBe(1)
      expect(await page.locator('[aria-current=page]').count()).toBe(1)
    })

    it.each([
      ['light', '#/'],
      ['dark', '#/'],
      ['light', '#/guide'],
      ['dark', '#/guide'],
      ['light', '#/system'],
      ['dark', '#/system'],
    ] as const)('can read the %s page at %s', async (colorScheme, hash) => {
      const page = await come(hash, { colorScheme })
      const texts = page.locator(
        '.row-title, .row-now, .row-next, .row-number, .chip, .views a, .cell-title, .cell-time, .hour, .strip-name, dt, dd, h1, h2, .quiet, .button, .tuner, .badge',
      )
      await texts.first().waitFor({ state: 'attached' })
      await page
        .locator(hash === '#/' ? '.row-now' : hash === '#/guide' ? '.cell' : 'dd')
        .first()
        .waitFor()
      const contrasts = await contrastsOf(texts.filter({ visible: true }))
      expect(contrasts.length).toBeGreaterThan(10)
      expect(Math.min(...contrasts)).toBeGreaterThanOrEqual(4.5)
    })

    it.each(views)('has room on a phone at %s', async (hash) => {
      const page = await come(hash, { viewport: phone, hasTouch: true, isMobile: true })
      await page.locator('.row, .cell, .tile, dd').first().waitFor({ state: 'attached' })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(phone.width)
      const small = await page.locator('button, nav a').evaluateAll((all) =>
        all
          .filter((each) => each.checkVisibility())
          .map((each) => each.getBoundingClientRect())
          .filter(({ width, height }) => width > 1 && (width < 34 || height < 34)),
      )
      expect(small).toEqual([])
    })

    it('is not moved who wants no motion', async () => {
      const page = await come('', { reducedMotion: 'reduce' })
      await rows(page).nth(0).waitFor()
      const moving = await page.evaluate(() =>
        [...document.querySelectorAll('*')].flatMap((each) => {
          const { transitionDuration, animationDuration } = getComputedStyle(each)
          return [transitionDuration, animationDuration].filter((time) => parseFloat(time) > 0.01)
        }),
      )
      expect(moving).toEqual([])
    })

    it('moves nothing when the channels arrive', async () => {
      const page = await come()
      const shift = await page.evaluate(async () => {
        let sum = 0
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += (entry as unknown as { value: number }).value
        }).observe({ type: 'layout-shift', buffered: true })
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
        return sum
      })
      await rows(page)
        .nth(channels.length - 1)
        .waitFor()
      expect(shift).toBeLessThan(0.02)
    })
  })

  it('goes on without localStorage', async () => {
    const context = await browser.newContext({ viewport: desk })
    try {
      const page = await context.newPage()
      await page.addInitScript(() =>
        Object.defineProperty(window, 'localStorage', {
          get() {
            throw new DOMException('no', 'SecurityError')
          },
        }),
      )
      await page.goto(at(''))
      await rows(page).nth(0).waitFor()
      await rows(page).nth(0).hover()
      await page.getByRole('button', { name: `Favourite: ${channels[0]!.name}`, exact: true }).click()
      await page
        .getByRole('button', { name: `Favourite: ${channels[0]!.name}`, exact: true, pressed: true })
        .waitFor()
    } finally {
      await context.close()
    }
  })
})

describe.skipIf(!hasChromium)('the page where a token is needed', () => {
  let house: House
  let browser: Browser
  const token = 'reading-token'
  beforeAll(async () => {
    house = await open(
      { streams: ['radio-mp2'] },
      { XG2G_API_READ_TOKEN: token, XG2G_API_TOKEN: 'changing-token' },
    )
    browser = await startChromium()
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await house.close()
  })

  it('asks for it once, keeps it, and tells it when it is not the right one', async () => {
    const guest = await visit(browser, `http://127.0.0.1:${house.daemon.apiPort}/`)
    const { page } = guest
    const dialog = page.getByRole('dialog', { name: 'A token is needed' })
    await dialog.getByLabel('Token').fill('wrong-token')
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await dialog.getByText('The token is not valid').waitFor()
    await dialog.getByLabel('Token').fill(token)
    await dialog.getByRole('button', { name: 'Continue' }).click()
    await page.locator('.row[data-id]').first().waitFor()
    await page.reload()
    await page.locator('.row[data-id]').first().waitFor()
    expect(await dialog.count()).toBe(0)
    // Reading is not changing: that wants the other one.
    await page.goto(`${page.url().split('#')[0]}#/system`)
    await page.getByRole('button', { name: 'Refresh channels and guide' }).click()
    await dialog.getByText('This token may only read').waitFor()
    expect(guest.errors).toEqual([])
    await guest.close()
  })
})
