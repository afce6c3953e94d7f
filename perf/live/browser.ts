// What a browser's video elements show.
import { createRequire } from 'node:module'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { clockBits, clockSize, clockSquare } from './clock.ts'

const playMs = 30_000
const lookMs = 50

/** A page of this origin with a player of its own: hls.js as it comes.
 *  @param origin  where an empty answer can be had */
export async function playWithHls(browser: Browser, origin: string, url: string): Promise<Page> {
  const context = await browser.newContext({ bypassCSP: true })
  const page = await context.newPage()
  await page.goto(origin)
  await page.setContent('<video muted playsinline></video>')
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js') })
  await page.evaluate(`(${playInPage})(${JSON.stringify(url)})`)
  await isPlaying(page)
  return page
}

/** A page of ours. */
export async function playWithPage(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(url)
  await isPlaying(page)
  return page
}

/** A page of ours with nothing on. */
export async function openPage(browser: Browser, origin: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${origin}/`, { waitUntil: 'networkidle' })
  return page
}

/** What the API calls a channel. */
export async function idOf(origin: string, name: string): Promise<string> {
  const response = await fetch(`${origin}/api/v1/channels`)
  const { channels } = (await response.json()) as { channels: { id: string; name: string }[] }
  const channel = channels.find((each) => each.name === name)
  if (channel === undefined) throw new TypeError(`Expected a channel ${name}`)
  return channel.id
}

// Asked again and again, since a page's policy lets nothing in that asks by itself.
async function isPlaying(page: Page): Promise<void> {
  for (const end = performance.now() + playMs; performance.now() < end; await delay(lookMs))
    if ((await page.evaluate<number>(`document.querySelector('video')?.currentTime ?? 0`)) > 0.1) return
  throw new Error(`Nothing plays after ${playMs} ms`)
}

/** The number that the picture shows now, and when that was, ms since 1970. */
export async function readClock(page: Page): Promise<{ frame: number; atMs: number }> {
  const { width, height } = clockSize
  return page.evaluate(`(${readInPage})(${clockBits}, ${clockSquare}, ${width}, ${height})`)
}

/** Turns a channel on in a page of ours that is open.
 *  @returns ms to its first frame on the screen */
export async function turnOn(page: Page, id: string): Promise<number> {
  return page.evaluate(
    `(${turnOnInPage})(${JSON.stringify(`#/channel/${encodeURIComponent(id)}`)}, ${playMs})`,
  )
}

export interface Play {
  /** Seconds of the picture or sound that were shown. */
  readonly shownS: number
  /** Times that nothing was there to show, and how long in all, ms. */
  readonly stalls: number
  readonly stalledMs: number
  readonly frames: number
  /** Decoded too late to be shown. */
  readonly droppedFrames: number
  readonly soundBytes: number
  readonly width: number
  readonly height: number
  /** What the page says to who watches; empty if nothing. */
  readonly trouble: string
}

/** Watches a page of ours that plays.
 *  @param ms  how long */
export async function watch(page: Page, ms: number): Promise<Play> {
  return page.evaluate(`(${watchInPage})(${ms})`)
}

// What runs in the page: text, since nothing else here knows a browser's types.
const playInPage = `(source) => {
  const video = document.querySelector('video')
  const player = new Hls()
  player.loadSource(source)
  player.attachMedia(video)
  video.play()
}`

const readInPage = `(bits, square, width, height) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d')
  context.drawImage(document.querySelector('video'), 0, 0, width, height)
  const atMs = Date.now()
  let frame = 0
  for (let bit = 0; bit < bits; bit++)
    if (context.getImageData((bit + 0.5) * square, square / 2, 1, 1).data[0] > 128) frame |= 1 << bit
  return { frame, atMs }
}`

const turnOnInPage = `(hash, longestMs) => new Promise((resolve, reject) => {
  const beganAt = performance.now()
  const watch = () => {
    const video = document.querySelector('video')
    if (video !== null) return video.requestVideoFrameCallback((now) => resolve(now - beganAt))
    requestAnimationFrame(watch)
  }
  setTimeout(() => reject(new Error('no frame in ' + longestMs + ' ms')), longestMs)
  location.hash = hash
  watch()
})`

const watchInPage = `(ms) => new Promise((resolve) => {
  const video = document.querySelector('video')
  const count = () => ({
    at: video.currentTime,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
    sound: video.webkitAudioDecodedByteCount,
  })
  const before = count()
  let stalls = 0
  let stalledMs = 0
  let stillSince
  video.addEventListener('waiting', () => { stalls++; stillSince = performance.now() })
  video.addEventListener('playing', () => {
    if (stillSince !== undefined) stalledMs += performance.now() - stillSince
    stillSince = undefined
  })
  setTimeout(() => {
    const now = count()
    if (stillSince !== undefined) stalledMs += performance.now() - stillSince
    const alert = document.querySelector('.screen [role=alert]')
    resolve({
      shownS: now.at - before.at,
      stalls,
      stalledMs,
      frames: now.frames - before.frames,
      droppedFrames: now.dropped - before.dropped,
      soundBytes: now.sound - before.sound,
      width: video.videoWidth,
      height: video.videoHeight,
      trouble: alert !== null && alert.checkVisibility() ? alert.textContent : '',
    })
  }, ms)
})`
