// The screen and what is said below it: the channel, what is on, what comes next.
import type { Channel, NowNext } from '../base/answers.ts'
import { element, icon, iconButton, setAttribute } from '../base/element.ts'
import { recall } from '../base/memory.ts'
import { formatPlace } from '../base/place.ts'
import { clock, duration, now as unixNow, passed, span } from '../base/words.ts'
import type { Lineups } from '../live/lineup.ts'
import { logo } from '../live/logo.ts'
import { elsewhere } from './notice.ts'
import type { Screen } from './screen.ts'

export class Stage {
  readonly root: HTMLElement
  readonly #screen: Screen
  readonly #lineups: Lineups
  readonly #about = element('div', { class: 'about' })
  readonly #star: HTMLButtonElement

  constructor(screen: Screen, lineups: Lineups, close: () => void) {
    this.#screen = screen
    this.#lineups = lineups
    this.#star = iconButton('star', 'Favourite', () => this.#toggleStar(), 'star')
    const end = iconButton('close', 'Stop watching', close, 'stage-close')
    this.root = element('section', { class: 'stage', 'aria-label': 'Player' }, screen.root, end, this.#about)
    screen.player.channel.follow(() => this.#show())
    lineups.lineup.watch(() => this.#show())
    lineups.onAir.watch(() => this.#show())
    lineups.favourites.watch(() => this.#showStar())
  }

  #show(): void {
    const channel = this.#screen.player.channel.value
    this.root.classList.toggle('is-empty', channel === undefined)
    if (channel === undefined) this.#about.replaceChildren(...this.#invitation())
    else this.#about.replaceChildren(...this.#description(channel))
    this.#showStar()
  }

  #invitation(): HTMLElement[] {
    if (this.#lineups.lineup.value === undefined) return []
    const last = this.#lineups.channel(recall('lastChannel'))
    const lines = [
      element('h1', {}, 'What would you like to watch?'),
      element('p', { class: 'quiet' }, 'Choose a channel, type its number, or look into the guide.'),
    ]
    if (last === undefined) return lines
    const href = formatPlace({ view: 'live', channel: last.id })
    return [
      ...lines,
      element('a', { class: 'button primary', href }, icon('play'), `Continue with ${last.name}`),
    ]
  }

  #description(channel: Channel): HTMLElement[] {
    const { now, next } = this.#lineups.onAir.value.get(channel.id) ?? {}
    return [
      element(
        'div',
        { class: 'about-head' },
        logo(channel),
        element(
          'div',
          { class: 'about-titles' },
          element('p', { class: 'about-channel' }, `${channel.number}  ${channel.name}`),
          element('h1', {}, now?.title ?? channel.name),
        ),
        this.#star,
      ),
      ...programme(now),
      ...(next === undefined ? [] : [nextLine(next)]),
      element('div', { class: 'actions' }, ...elsewhere(channel).filter((part) => part instanceof Node)),
    ]
  }

  #showStar(): void {
    const id = this.#screen.player.channel.value?.id
    setAttribute(this.#star, 'aria-pressed', id !== undefined && this.#lineups.favourites.value.has(id))
  }

  #toggleStar(): void {
    const id = this.#screen.player.channel.value?.id
    if (id !== undefined) this.#lineups.toggleFavourite(id)
  }
}

function programme(now: NowNext['now']): HTMLElement[] {
  if (now === undefined)
    return [element('p', { class: 'quiet' }, 'The guide knows nothing about this channel.')]
  const bar = element('span', { class: 'bar-done' })
  bar.style.inlineSize = `${passed(now) * 100}%`
  const left = duration(now.stop - unixNow())
  return [
    element(
      'div',
      { class: 'about-time' },
      element('span', {}, span(now)),
      element('span', { class: 'bar', 'aria-hidden': true }, bar),
      element('span', {}, `${left} left`),
    ),
    ...(now.subtitle === undefined ? [] : [element('p', { class: 'about-subtitle' }, now.subtitle)]),
    ...(now.description === undefined ? [] : [element('p', { class: 'about-text' }, now.description)]),
  ]
}

function nextLine(next: NonNullable<NowNext['next']>): HTMLElement {
  return element(
    'p',
    { class: 'about-next' },
    element('span', { class: 'quiet' }, `Next, ${clock(next.start)}`),
    ' ',
    next.title,
  )
}
