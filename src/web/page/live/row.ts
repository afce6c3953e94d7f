// One channel in the list: logo, name, what is on and how far it is, what comes next, the star.
import type { Channel, NowNext } from '../base/answers.ts'
import { element, icon, setAttribute, setText } from '../base/element.ts'
import { formatPlace } from '../base/place.ts'
import { clock, passed } from '../base/words.ts'
import { logo } from './logo.ts'

export class Row {
  readonly root: HTMLLIElement
  readonly link: HTMLAnchorElement
  readonly channel: Channel
  readonly #star: HTMLButtonElement
  readonly #now = element('span', { class: 'row-now' })
  readonly #next = element('span', { class: 'row-next' })
  readonly #bar = element('span', { class: 'bar-done' })
  readonly #track = element('span', { class: 'bar', 'aria-hidden': true }, this.#bar)

  constructor(channel: Channel, toggleFavourite: () => void) {
    this.channel = channel
    const { id, name, number, isHd, isRadio } = channel
    const badge = isRadio ? 'Radio' : isHd && !/\bU?HD\b/.test(name) ? 'HD' : undefined
    this.link = element(
      'a',
      { class: 'row-link', href: formatPlace({ view: 'live', channel: id }), tabindex: -1 },
      element('span', { class: 'row-number' }, number),
      logo(channel),
      element(
        'span',
        { class: 'row-text' },
        element(
          'span',
          { class: 'row-name' },
          element('span', { class: 'row-title' }, name),
          badge !== undefined && element('span', { class: 'badge' }, badge),
        ),
        this.#now,
        this.#track,
        this.#next,
      ),
    )
    this.#star = element(
      'button',
      { type: 'button', class: 'round star', tabindex: -1, on: { click: toggleFavourite } },
      icon('star'),
    )
    this.root = element('li', { class: 'row', 'data-id': id }, this.link, this.#star)
    this.setFavourite(false)
    this.setOnAir(undefined)
  }

  setOnAir(onAir: NowNext | undefined): void {
    const { now, next } = onAir ?? {}
    setText(this.#now, now?.title ?? 'No information')
    this.#now.classList.toggle('is-empty', now === undefined)
    this.#track.hidden = now === undefined
    if (now !== undefined) this.#bar.style.inlineSize = `${Math.round(passed(now) * 100)}%`
    setText(this.#next, next === undefined ? '' : `${clock(next.start)}  ${next.title}`)
  }

  setFavourite(isFavourite: boolean): void {
    setAttribute(this.#star, 'aria-pressed', isFavourite)
    setAttribute(this.#star, 'aria-label', `Favourite: ${this.channel.name}`)
    setAttribute(this.#star, 'title', isFavourite ? 'Remove from favourites' : 'Add to favourites')
  }

  setPlaying(isPlaying: boolean): void {
    this.root.classList.toggle('is-playing', isPlaying)
    setAttribute(this.link, 'aria-current', isPlaying ? 'true' : undefined)
  }

  /** Is it the one that Tab gets to? */
  setReachable(isReachable: boolean): void {
    for (const part of [this.link, this.#star]) part.tabIndex = isReachable ? 0 : -1
  }
}
