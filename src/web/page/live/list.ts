// The list of channels, with its groups and its search.
import type { Channel } from '../base/answers.ts'
import { element, icon, setAttribute, setText } from '../base/element.ts'
import { recall, remember } from '../base/memory.ts'
import { stepFor } from '../base/roving.ts'
import { count } from '../base/words.ts'
import { everything, favourites, isChosen, type Choice } from './choice.ts'
import type { Lineup, Lineups } from './lineup.ts'
import { Row } from './row.ts'

const skeletonRows = 8

export class List {
  readonly root: HTMLElement
  /** Called with the words that are looked for, to look elsewhere too. */
  onSearch: (text: string) => void = () => undefined
  readonly #lineups: Lineups
  readonly #rows = new Map<string, Row>()
  readonly #list = element('ul', { class: 'rows', 'aria-label': 'Channels' })
  readonly #groups = element('div', { class: 'groups', role: 'group', 'aria-label': 'Groups' })
  readonly #search: HTMLInputElement
  readonly #state = element('p', { class: 'list-state', role: 'status' })
  #choice: Choice = { group: recall('group'), text: '' }
  #visible: Row[] = []
  #reachable: Row | undefined
  #playing: string | undefined

  constructor(lineups: Lineups, further: HTMLElement) {
    this.#lineups = lineups
    this.#search = element('input', {
      type: 'search',
      class: 'search-input',
      placeholder: 'Search channels and programmes',
      'aria-label': 'Search channels and programmes',
      autocomplete: 'off',
      spellcheck: 'false',
      enterkeyhint: 'search',
      on: { input: () => this.#choose({ text: this.#search.value }), keydown: (event) => this.#leave(event) },
    })
    this.root = element(
      'section',
      { class: 'list', 'aria-label': 'Channel list' },
      element('div', { class: 'search' }, icon('search'), this.#search),
      this.#groups,
      element('div', { class: 'rows-frame' }, this.#list, this.#state, further),
    )
    this.#list.addEventListener('keydown', (event) => this.#steer(event))
    this.#list.addEventListener('focusin', ({ target }) => this.#reach(this.#rowOf(target)))
    this.#showSkeleton()
    lineups.lineup.watch((lineup) => lineup && this.#fill(lineup))
    lineups.onAir.watch(() => this.#showOnAir())
    lineups.favourites.watch(() => this.#showFavourites())
    lineups.problem.watch((problem) => problem && this.#say(problem.message))
  }

  /** The channels as they are shown now: what zapping goes through. */
  get channels(): readonly Channel[] {
    return this.#visible.map(({ channel }) => channel)
  }

  focusSearch(): void {
    this.#search.focus()
    this.#search.select()
  }

  /** Marks the channel that is being watched. */
  setPlaying(id: string | undefined): void {
    if (this.#playing !== undefined) this.#rows.get(this.#playing)?.setPlaying(false)
    this.#playing = id
    const row = id === undefined ? undefined : this.#rows.get(id)
    row?.setPlaying(true)
    this.#reach(row)
    row?.root.scrollIntoView({ block: 'nearest' })
  }

  #fill({ channels, groups }: Lineup): void {
    this.#rows.clear()
    for (const channel of channels) {
      this.#rows.set(channel.id, new Row(channel, () => this.#lineups.toggleFavourite(channel.id)))
    }
    this.#list.classList.remove('is-loading')
    setAttribute(this.#list, 'aria-busy', undefined)
    this.#list.replaceChildren(...[...this.#rows.values()].map(({ root }) => root))
    if (![everything, favourites, ...groups].includes(this.#choice.group)) this.#choose({ group: everything })
    this.#showGroups(groups)
    this.#showOnAir()
    this.#showFavourites()
    this.setPlaying(this.#playing)
  }

  #choose(change: Partial<Choice>): void {
    this.#choice = { ...this.#choice, ...change }
    if (change.group !== undefined) remember('group', change.group)
    for (const chip of this.#groups.children) {
      setAttribute(chip, 'aria-pressed', chip.getAttribute('data-group') === this.#choice.group)
    }
    this.#show()
    if (change.text !== undefined) this.onSearch(change.text.trim())
  }

  #show(): void {
    if (this.#lineups.lineup.value === undefined) return
    const marked = this.#lineups.favourites.value
    const onAir = this.#lineups.onAir.value
    this.#visible = []
    for (const row of this.#rows.values()) {
      const isVisible = isChosen(row.channel, this.#choice, marked, onAir.get(row.channel.id))
      row.root.hidden = !isVisible
      if (isVisible) this.#visible.push(row)
    }
    if (this.#reachable === undefined || this.#reachable.root.hidden) this.#reach(this.#visible[0])
    this.#say(this.#visible.length === 0 ? this.#emptyWords() : '')
    if (this.#choice.text !== '' && this.#visible.length > 0)
      this.#say(count(this.#visible.length, 'channel'))
  }

  #emptyWords(): string {
    if (this.#rows.size === 0)
      return 'There are no channels yet. They appear as soon as the receiver has told them.'
    if (this.#choice.text !== '') return `No channel and nothing on now matches “${this.#choice.text}”.`
    if (this.#choice.group !== favourites) return 'This group is empty.'
    return 'No favourites yet. The star beside a channel keeps it here, in this browser.'
  }

  #say(text: string): void {
    this.#state.classList.toggle('is-empty', text === '')
    setText(this.#state, text)
  }

  #showGroups(groups: readonly string[]): void {
    const chip = (group: string, name: string) =>
      element(
        'button',
        {
          type: 'button',
          class: 'chip',
          'data-group': group,
          'aria-pressed': group === this.#choice.group,
          on: { click: () => this.#choose({ group }) },
        },
        group === favourites && icon('star'),
        name,
      )
    this.#groups.replaceChildren(
      chip(everything, 'All'),
      chip(favourites, 'Favourites'),
      ...groups.map((group) => chip(group, group)),
    )
  }

  #showOnAir(): void {
    for (const [id, row] of this.#rows) row.setOnAir(this.#lineups.onAir.value.get(id))
    if (this.#choice.text !== '') this.#show()
  }

  #showFavourites(): void {
    for (const [id, row] of this.#rows) row.setFavourite(this.#lineups.favourites.value.has(id))
    this.#show()
  }

  #showSkeleton(): void {
    this.#list.classList.add('is-loading')
    setAttribute(this.#list, 'aria-busy', true)
    const rows = Array.from({ length: skeletonRows }, () => element('li', { class: 'row skeleton' }))
    this.#list.replaceChildren(...rows)
  }

  #steer(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    const at = this.#reachable === undefined ? 0 : this.#visible.indexOf(this.#reachable)
    const to = stepFor(event.key, at, this.#visible.length)
    const row = to === undefined ? undefined : this.#visible[to]
    if (row === undefined) return
    event.preventDefault()
    event.stopPropagation()
    row.link.focus()
  }

  // Down out of the search into what was found; Escape empties it.
  #leave(event: KeyboardEvent): void {
    const first = this.#visible[0]
    if ((event.key === 'ArrowDown' || event.key === 'Enter') && first !== undefined) {
      event.preventDefault()
      first.link.focus()
    } else if (event.key === 'Escape' && this.#search.value !== '') {
      event.stopPropagation()
      this.#search.value = ''
      this.#choose({ text: '' })
    }
  }

  #reach(row: Row | undefined): void {
    if (row === undefined || row === this.#reachable) return
    this.#reachable?.setReachable(false)
    this.#reachable = row
    row.setReachable(true)
  }

  #rowOf(target: EventTarget | null): Row | undefined {
    const row = target instanceof Element ? target.closest('.row') : null
    return this.#rows.get(row?.getAttribute('data-id') ?? '')
  }
}
