// The daemon's guide: where it is kept, what it is asked for, and who hears of it.
import type { Config } from './base/config.ts'
import type { Channel, RefreshKind } from './guide/guide.ts'
import { openGuide } from './guide/keeper.ts'
import type { PublishedChannel } from './jobs/publication.ts'
import { OpenWebIf } from './receiver/client.ts'
import type { Tools } from './tools.ts'

/** The emulated receiver's guide is kept apart from that of a real one. */
export function startGuide({ owiBase, ...config }: Config, dataDir: string, tools: Tools): void {
  if (owiBase === undefined) return
  const { parts, live, hub, found, published, budget, log, metrics, checks } = tools
  const client = new OpenWebIf({
    owiBase,
    user: config.owiUser,
    password: config.owiPass,
    timeoutMs: config.owiTimeoutMs,
    guideTimeoutMs: config.epgTimeoutMs,
    budget,
    log,
    metrics,
  })
  const guide = openGuide({
    client,
    dataDir,
    get bouquets() {
      return live.current.bouquets
    },
    get days() {
      return live.current.epgDays
    },
    piconFolder: config.piconPath,
    schedule: { channelsEveryMs: config.channelRefresh, guideEveryMs: config.epgRefresh },
    log,
    metrics,
  })
  found.guide = guide
  parts.defer(() => {
    delete found.guide // nobody asks it any more
    return guide.close()
  })
  checks.push(() => guide.isReady()[0])
  published.on('change', () => guide.invite(published.list().map(asChannel)))
  for (const event of ['progress', 'lineup', 'receiver', 'refresh'] as const) {
    guide.on(event, (news: unknown) => hub.send(event, news))
  }
  live.onChange((_, applied) => {
    if (applied.includes('epgDays')) refreshSoon(found, 'all')
    else if (applied.includes('bouquets')) refreshSoon(found, 'channels')
  })
}

// As lists show it.
function asChannel({ id, number, name, isRadio }: PublishedChannel): Channel {
  const path = `/stream/${id}`
  return { id, number, name, ref: '', path, groups: ['Published'], isRadio, isHd: false, picon: false }
}

// Right away, or when the refresh that is running has ended.
function refreshSoon(found: Tools['found'], what: RefreshKind): void {
  const { guide } = found
  if (guide?.status().refresh.isRunning === true) {
    guide.once('refresh', () => setImmediate(refreshSoon, found, what))
  } else guide?.refresh(what)
}
