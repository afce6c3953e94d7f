// Chromium without a screen.
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const program = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
export const hasChromium = program !== undefined
if (!hasChromium) process.stderr.write('SKIPPED: Chromium is not installed (chromium)\n')

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

export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: program ?? '', args: flags })
}
