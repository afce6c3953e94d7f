// The page: wires its parts and shows the view that the address bar names.
import { Client } from './base/client.ts'
import { element, find, icon, iconButton, setAttribute } from './base/element.ts'
import { remember } from './base/memory.ts'
import { News } from './base/news.ts'
import { formatPlace, parsePlace, type Place } from './base/place.ts'
import { askToken } from './base/token.ts'
import type { View } from './base/view.ts'
import type { Channel } from './base/answers.ts'
import { Activity } from './figures/activity.ts'
import { Guide } from './guide/grid.ts'
import { Programmes } from './guide/programmes.ts'
import { Found } from './live/found.ts'
import { showKeys } from './live/help.ts'
import { Lineups } from './live/lineup.ts'
import { List } from './live/list.ts'
import { warmUp } from './player/engine.ts'
import { Remote } from './player/remote.ts'
import { Screen } from './player/screen.ts'
import { announce } from './player/session.ts'
import { Stage } from './player/stage.ts'
import { applyTheme } from './system/browser.ts'
import { System } from './system/overview.ts'

const names: Readonly<Record<Place['view'], string>> = {
  live: 'Live',
  guide: 'Guide',
  figures: 'Activity',
  system: 'System',
}

const client = new Client(askToken)
const news = new News()
const lineups = new Lineups(client)
const screen = new Screen()
const found = new Found(client, lineups)
const list = new List(lineups, found.root)
const stage = new Stage(screen, lineups, leave)
const guide = new Guide(lineups, new Programmes(client))
const views: Partial<Record<Place['view'], View>> = {
  guide,
  figures: new Activity(client, lineups),
  system: new System(client, news),
}
const main = find('#main', HTMLElement)
const links = new Map<string, HTMLAnchorElement>()
let place: Place = { view: 'live' }

applyTheme()
main.append(list.root, stage.root, ...Object.values(views).map(({ root }) => root))
find('#views', HTMLElement).append(
  ...Object.entries(names).map(([view, name]) => link(view as Place['view'], name)),
)
find('#top-end', HTMLElement).append(iconButton('keys', 'Keys', showKeys, 'keys-button'))
find('#skip', HTMLButtonElement).addEventListener('click', () => main.focus())

const remote = new Remote({
  screen,
  channels: () => list.channels,
  byNumber: (number) => lineups.lineup.value?.channels.find((channel) => channel.number === number),
  watch,
  search,
  help: showKeys,
})
// The way back to what goes on in the corner.
screen.player.channel.watch((channel) =>
  setAttribute(
    links.get('live') ?? main,
    'href',
    formatPlace({ view: 'live', ...(channel && { channel: channel.id }) }),
  ),
)
announce(screen.player, lineups, (step) => remote.zap(step))
lineups.lineup.watch((lineup) => {
  if (lineup === undefined) return
  news.open()
  follow() // the channel of the address may be known now
})
news.on('lineup', () => void lineups.load())
news.on('refresh', () => void lineups.load())
list.onSearch = (text) => found.look(text)
window.addEventListener('hashchange', follow)
follow()
void lineups.load()
warmUp()

function link(view: Place['view'], name: string): HTMLAnchorElement {
  const made = element(
    'a',
    { href: formatPlace({ view }), 'data-to': view },
    icon(view),
    element('span', {}, name),
  )
  links.set(view, made)
  return made
}

function watch(channel: Channel): void {
  const hash = formatPlace({ view: 'live', channel: channel.id })
  // Zapping in full screen or out of another view leaves no trail of channels to go back through.
  if (place.view === 'live') location.replace(hash)
  else location.hash = hash
}

function leave(): void {
  screen.player.stop()
  list.setPlaying(undefined)
  location.hash = formatPlace({ view: 'live' })
}

function search(): void {
  if (place.view !== 'live') location.hash = formatPlace({ view: 'live' })
  list.focusSearch()
}

// What the address bar names is shown, and played if it is a channel.
function follow(): void {
  const before = place
  place = parsePlace(location.hash)
  document.body.setAttribute('data-view', place.view)
  for (const [view, made] of links)
    setAttribute(made, 'aria-current', view === place.view ? 'page' : undefined)
  if (before.view !== place.view) views[before.view]?.hide()
  views[place.view]?.show()
  if (place.view === 'live') play(place.channel, before)
  showTitle()
}

function play(id: string | undefined, before: Place): void {
  const { player } = screen
  const current = player.channel.value?.id
  if (id === undefined) {
    // Back to the list: what runs in the corner goes on, what was closed ends.
    if (before.view === 'live' && 'channel' in before) player.stop()
    list.setPlaying(player.channel.value?.id)
    return
  }
  const channel = lineups.channel(id)
  if (channel === undefined || id === current) return
  remember('lastChannel', id)
  list.setPlaying(id)
  void player.play(channel)
}

function showTitle(): void {
  const name = screen.player.channel.value?.name
  document.title = place.view === 'live' ? (name ?? 'xg2g') : `${names[place.view]} – xg2g`
}
