// Chromium for the tests of the page, and a visit to it that notes what must not happen.
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
export const hasChromium = program !== undefined
if (!hasChromium) process.stderr.write('SKIPPED: Chromium is not installed (chromium)\n')

const limitMs = 15_000
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
]

export const desk = { width: 1280, height: 800 }
export const phone = { width: 360, height: 740 }

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: program ?? '', args: flags })
}

/** One viewer's browser on the page. */
export interface Visit {
  readonly page: Page
  /** What the Content-Security-Policy has refused. */
  readonly violations: readonly string[]
  /** Requests to any other host. */
  readonly foreign: readonly string[]
  /** Errors of the page's own code. */
  readonly errors: readonly string[]
  close(): Promise<void>
}

export async function visit(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: desk, locale: 'en-GB', ...options })
  context.setDefaultTimeout(limitMs)
  const violations: string[] = []
  const foreign: string[] = []
  const errors: string[] = []
  const page = await context.newPage()
  await page.exposeFunction('noteViolation', (text: string) => void violations.push(text))
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      const { noteViolation } = window as unknown as { noteViolation: (text: string) => void }
      noteViolation(`${violatedDirective} ${blockedURI}`)
    }),
  )
  const own = new URL(address).origin
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.origin !== own && !['blob:', 'data:'].includes(url.protocol)) foreign.push(url.href)
  })
  page.on('pageerror', (error) => void errors.push(error.message))
  await page.goto(address)
  return { page, violations, foreign, errors, close: () => context.close() }
}
