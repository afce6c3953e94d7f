// A browser's visit to the page, which notes what must not happen.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

const limitMs = 15_000

export const desk = { width: 1280, height: 800 }
export const phone = { width: 360, height: 740 }

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
