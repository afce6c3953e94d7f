// A guide beside a demo receiver, in a folder of its own, as the tests of this room need it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { DemoOptions, DemoReceiver } from '../../src/demo/receiver.ts'
import type { Guide } from '../../src/guide/guide.ts'
import { openGuide, type GuideOptions } from '../../src/guide/keeper.ts'
import { Budget } from '../../src/receiver/budget.ts'
import { OpenWebIf, type ClientOptions } from '../../src/receiver/client.ts'
import { demo } from '../demo/client.ts'

export interface House extends AsyncDisposable {
  readonly box: DemoReceiver
  readonly dataDir: string
  /** Opens a guide without a schedule; closed with the house. */
  open(options?: Partial<GuideOptions>, client?: Partial<ClientOptions>): Guide
}

export async function house(options: Partial<DemoOptions> = {}): Promise<House> {
  const box = await demo(options)
  const dataDir = mkdtempSync(join(tmpdir(), 'xg2g-guide-'))
  const guides: Guide[] = []
  return {
    box,
    dataDir,
    open(guideOptions = {}, clientOptions = {}) {
      const client = new OpenWebIf({
        owiBase: box.webUrl,
        budget: new Budget({ idlePauseMs: 0 }),
        retryMs: 1,
        ...clientOptions,
      })
      const guide = openGuide({ client, dataDir, schedule: false, ...guideOptions })
      guides.push(guide)
      return guide
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(guides.map((guide) => guide.close()))
      await box.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

/** The document of now, as text. */
export async function readXmltv(guide: Guide, baseUrl?: string): Promise<string> {
  const document = (await guide.xmltv(baseUrl))!
  return text(document.open('identity'))
}
