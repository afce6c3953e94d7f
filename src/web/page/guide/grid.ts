// The guide: channels downwards, the day to the right. Rows are filled when they come into sight.
import type { Programme } from '../base/answers.ts'
import { Refusal } from '../base/client.ts'
import { element, setAttribute } from '../base/element.ts'
import { recall } from '../base/memory.ts'
import type { View } from '../base/view.ts'
import { clock, now } from '../base/words.ts'
import { everything, favourites, isChosen } from '../live/choice.ts'
import type { Lineups } from '../live/lineup.ts'
import { axisOf, moment, place, ticks, type Axis } from './axis.ts'
import { Days } from './days.ts'
import { showDetails } from './details.ts'
import type { Programmes } from './programmes.ts'
import { Strip } from './strip.ts'

const widePixelsPerHour = 300
const narrowPixelsPerHour = 210
const clockMs = 20_000
const pageRows = 6
const beforeNowS = 1200 // shown left of now
const eveningS = 20.25 * 3600 // a quarter past eight

export class Guide implements View {
  readonly root: HTMLElement
  readonly #lineups: Lineups
  readonly #programmes: Programmes
  readonly #days = new Days()
  readonly #group = element('select', { class: 'select', 'aria-label': 'Group' })
  readonly #hours = element('div', { class: 'hours', 'aria-hidden': true })
  readonly #rows = element('div', { class: 'strips', role: 'grid', 'aria-label': 'Guide' })
  readonly #nowLine = element('div', { class: 'now-line', 'aria-hidden': true })
  readonly #frame: HTMLElement
  readonly #sight: IntersectionObserver
  #strips: Strip[] = []
  #axis: Axis = axisOf(now(), widePixelsPerHour)
  #reachable: HTMLElement | undefined
  /** Where the focus goes when this channel's row of another day is there. */
  #awaited: { readonly id: string; readonly at: number } | undefined
  #timer: number | undefined
  #isStale = true

  constructor(lineups: Lineups, programmes: Programmes) {
    this.#lineups = lineups
    this.#programmes = programmes
    const button = (text: string, click: () => unknown) =>
      element('button', { type: 'button', class: `chip ${text.toLowerCase()}`, on: { click } }, text)
    this.#frame = element(
      'div',
      { class: 'guide-frame' },
      element('div', { class: 'hours-line' }, element('div', { class: 'hours-corner' }), this.#hours),
      element('div', { class: 'strips-frame' }, this.#rows, this.#nowLine),
    )
    this.root = element(
      'section',
      { class: 'view guide', 'aria-label': 'Guide' },
      element(
        'div',
        { class: 'guide-bar' },
        this.#days.root,
        button('Now', () => this.#goTo(now())),
        button('Evening', () => this.#scrollTo(this.#axis.from + eveningS)),
        element('span', { class: 'spacer' }),
        this.#group,
      ),
      this.#frame,
    )
    this.#sight = new IntersectionObserver((entries) => this.#see(entries), {
      root: this.#frame,
      rootMargin: '150px 0px',
    })
    this.#rows.addEventListener('keydown', (event) => this.#steer(event))
    this.#rows.addEventListener('focusin', ({ target }) => {
      this.#awaited = undefined
      this.#reach(target)
    })
    this.#group.addEventListener('change', () => this.#draw())
    this.#days.onChange = (at) => this.#setDay(at)
    lineups.lineup.watch(() => this.stale())
  }

  show(): void {
    this.root.classList.add('is-shown')
    if (this.#isStale) this.#begin()
    this.#timer = window.setInterval(() => this.#showTime(), clockMs)
    this.#showTime()
  }

  hide(): void {
    this.root.classList.remove('is-shown')
    clearInterval(this.#timer)
  }

  /** Channels or programmes may be others now. */
  stale(): void {
    this.#isStale = true
    this.#programmes.forget()
    if (this.root.classList.contains('is-shown')) this.#begin()
  }

  #begin(): void {
    const lineup = this.#lineups.lineup.value
    if (lineup === undefined) return
    this.#isStale = false
    const chosen = this.#group.value || recall('group')
    const option = (value: string, text: string) =>
      element('option', { value, selected: value === chosen }, text)
    this.#group.replaceChildren(
      option(everything, 'All channels'),
      option(favourites, 'Favourites'),
      ...lineup.groups.map((group) => option(group, group)),
    )
    const isFirst = this.#strips.length === 0
    this.#axis = axisOf(isFirst ? now() : this.#axis.from, this.#scale)
    this.#draw()
    if (isFirst) this.#scrollTo(now() - beforeNowS)
  }

  get #scale(): number {
    return matchMedia('(max-width: 820px)').matches ? narrowPixelsPerHour : widePixelsPerHour
  }

  #draw(): void {
    const choice = { group: this.#group.value, text: '' }
    const marked = this.#lineups.favourites.value
    const channels = this.#lineups.lineup.value?.channels ?? []
    this.#strips = channels
      .filter((channel) => isChosen(channel, choice, marked))
      .map((channel, at) => new Strip(channel, at))
    this.#sight.disconnect()
    this.#reachable = undefined
    this.root.style.setProperty('--day', `${place(this.#axis, this.#axis.to)}px`)
    this.#rows.replaceChildren(...this.#strips.map(({ root }) => root))
    if (this.#strips.length === 0)
      this.#rows.append(element('p', { class: 'list-state' }, 'No channels here.'))
    setAttribute(this.#rows, 'aria-rowcount', this.#strips.length)
    this.#drawHours()
    for (const { root } of this.#strips) this.#sight.observe(root)
    this.#showTime()
  }

  #drawHours(): void {
    const labels = ticks(this.#axis).map((at) => {
      const label = element('span', { class: 'hour' }, clock(at))
      label.style.insetInlineStart = `${place(this.#axis, at)}px`
      return label
    })
    this.#hours.replaceChildren(...labels)
  }

  #see(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const strip = isIntersecting ? this.#stripOf(target) : undefined
      if (strip === undefined) continue
      this.#sight.unobserve(target)
      void this.#fill(strip)
    }
  }

  async #fill(strip: Strip): Promise<void> {
    const axis = this.#axis
    try {
      const programmes = await this.#programmes.of(strip.channel.id, axis)
      if (axis === this.#axis) strip.fill(programmes, axis, (programme) => this.#open(programme, strip))
    } catch (error) {
      if (axis === this.#axis) strip.fail(error instanceof Refusal ? error.message : String(error), axis)
    }
    if (this.#awaited?.id === strip.channel.id) focusOn(strip.cellAt(this.#awaited.at))
    if (this.#reachable === undefined) this.#reach(strip.cellAt(now()) ?? null)
  }

  #open(programme: Programme, { channel }: Strip): void {
    showDetails(programme, channel)
  }

  #setDay(at: number): void {
    this.#awaited = undefined
    const offset = this.#frame.scrollLeft
    this.#axis = axisOf(at, this.#scale)
    this.#draw()
    this.#frame.scrollLeft = offset
  }

  #goTo(at: number): void {
    if (at < this.#axis.from || at >= this.#axis.to) {
      this.#days.today()
      this.#setDay(at)
    }
    this.#scrollTo(at - beforeNowS)
  }

  #scrollTo(at: number): void {
    this.#frame.scrollLeft = place(this.#axis, at)
  }

  #showTime(): void {
    const at = now()
    const isToday = at >= this.#axis.from && at < this.#axis.to
    this.#nowLine.hidden = !isToday || this.#strips.length === 0
    this.#nowLine.style.setProperty('--at', `${place(this.#axis, at)}px`)
    for (const strip of this.#strips) strip.showTime(at)
  }

  #stripOf(target: EventTarget | null): Strip | undefined {
    const row = target instanceof Element ? target.closest('.strip') : null
    return this.#strips.find(({ root }) => root === row)
  }

  // One cell takes the focus; arrows move it: left and right in time, up and down at the same time.
  #steer(event: KeyboardEvent): void {
    const cell = event.target instanceof Element ? event.target.closest('.cell') : null
    const strip = this.#stripOf(cell)
    if (cell === null || strip === undefined || event.ctrlKey || event.altKey || event.metaKey) return
    const to = this.#target(event.key, strip, cell)
    if (to === undefined) return
    event.preventDefault()
    focusOn(to)
  }

  // null where the way ends, undefined for other keys.
  #target(key: string, strip: Strip, cell: Element): HTMLElement | null | undefined {
    const row = this.#strips.indexOf(strip)
    const at = Math.max(strip.programmeOf(cell)?.start ?? now(), moment(this.#axis, this.#frame.scrollLeft))
    const inRow = (to: number) =>
      this.#strips[Math.min(this.#strips.length - 1, Math.max(0, to))]?.cellAt(at) ?? null
    switch (key) {
      case 'ArrowLeft':
        return strip.beside(cell, -1) ?? this.#turn(strip, cell, -1)
      case 'ArrowRight':
        return strip.beside(cell, 1) ?? this.#turn(strip, cell, 1)
      case 'ArrowUp':
        return inRow(row - 1)
      case 'ArrowDown':
        return inRow(row + 1)
      case 'PageUp':
        return inRow(row - pageRows)
      case 'PageDown':
        return inRow(row + pageRows)
      case 'Home':
        return strip.end(-1) ?? null
      case 'End':
        return strip.end(1) ?? null
      default:
        return undefined
    }
  }

  // Over midnight: what is beside this cell is in another day, which has to come first.
  #turn(strip: Strip, cell: Element, days: 1 | -1): null {
    const { start, stop } = strip.programmeOf(cell) ?? { start: this.#axis.from, stop: this.#axis.to }
    if (this.#days.step(days)) this.#awaited = { id: strip.channel.id, at: days === 1 ? stop : start - 1 }
    return null
  }

  #reach(target: EventTarget | null): void {
    if (!(target instanceof HTMLElement) || !target.classList.contains('cell')) return
    if (this.#reachable !== undefined) this.#reachable.tabIndex = -1
    this.#reachable = target
    target.tabIndex = 0
  }
}

function focusOn(cell: HTMLElement | null | undefined): void {
  cell?.focus()
  cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
}
