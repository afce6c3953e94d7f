// One channel's row in the grid: its programmes of the day, placed by their times.
import type { Channel, Programme } from '../base/answers.ts'
import { element } from '../base/element.ts'
import { formatPlace } from '../base/place.ts'
import { now, span } from '../base/words.ts'
import { logo } from '../live/logo.ts'
import { nearest, place, type Axis } from './axis.ts'

const narrowPixels = 56 // where a title has no room

export class Strip {
  readonly root: HTMLElement
  readonly channel: Channel
  readonly #track = element('div', { class: 'track', role: 'presentation' })
  #cells: { readonly cell: HTMLElement; readonly programme: Programme }[] = []
  #filler: HTMLElement | undefined

  constructor(channel: Channel, index: number) {
    this.channel = channel
    const { id, name, number } = channel
    const head = element(
      'a',
      { class: 'strip-head', href: formatPlace({ view: 'live', channel: id }), tabindex: -1, title: name },
      element('span', { class: 'row-number' }, number),
      logo(channel),
      element('span', { class: 'strip-name' }, name),
    )
    this.root = element(
      'div',
      { class: 'strip', role: 'row', 'data-id': id, 'aria-rowindex': index + 1 },
      element('div', { class: 'strip-corner', role: 'rowheader' }, head),
      this.#track,
    )
  }

  /** Shows them; what overlaps with the day's edges is cut there. */
  fill(programmes: readonly Programme[], axis: Axis, open: (programme: Programme) => void): void {
    this.#cells = programmes.map((programme) => ({ programme, cell: cellOf(programme, axis, open) }))
    const width = place(axis, axis.to)
    this.#filler = this.#cells.length === 0 ? emptyCell('No information', width) : undefined
    this.#track.replaceChildren(...(this.#filler ? [this.#filler] : this.#cells.map(({ cell }) => cell)))
    this.showTime(now())
  }

  fail(message: string, axis: Axis): void {
    this.#cells = []
    this.#filler = emptyCell(message, place(axis, axis.to))
    this.#track.replaceChildren(this.#filler)
  }

  /** Marks what is on, and what is over. */
  showTime(at: number): void {
    for (const { cell, programme } of this.#cells) {
      cell.classList.toggle('is-on', programme.start <= at && at < programme.stop)
      cell.classList.toggle('is-over', programme.stop <= at)
    }
  }

  /** The cell at this moment, else the nearest; undefined while there is nothing. */
  cellAt(at: number): HTMLElement | undefined {
    const spans = this.#cells.map(({ programme }) => programme)
    return this.#cells[nearest(spans, at)]?.cell ?? this.#filler
  }

  /** The one beside a cell; undefined at the end of the day. */
  beside(cell: Element, step: 1 | -1): HTMLElement | undefined {
    return this.#cells[this.#cells.findIndex((each) => each.cell === cell) + step]?.cell
  }

  end(step: 1 | -1): HTMLElement | undefined {
    return this.#cells.at(step === 1 ? -1 : 0)?.cell
  }

  /** Undefined for a cell that stands for none. */
  programmeOf(cell: Element): Programme | undefined {
    return this.#cells.find((each) => each.cell === cell)?.programme
  }
}

function cellOf(programme: Programme, axis: Axis, open: (programme: Programme) => void): HTMLElement {
  const left = place(axis, programme.start)
  const width = place(axis, programme.stop) - left
  const cell = element(
    'div',
    {
      class: width < narrowPixels ? 'cell is-narrow' : 'cell',
      role: 'gridcell',
      tabindex: -1,
      'aria-label': `${programme.title}, ${span(programme)}`,
      title: `${programme.title}, ${span(programme)}`,
      on: {
        click: () => open(programme),
        keydown: (event) => {
          if (event.key !== 'Enter' && event.key !== ' ') return
          event.preventDefault()
          open(programme)
        },
      },
    },
    element(
      'span',
      { class: 'cell-text' },
      element('span', { class: 'cell-title' }, programme.title),
      element('span', { class: 'cell-time' }, span(programme)),
    ),
  )
  cell.style.insetInlineStart = `${left}px`
  cell.style.inlineSize = `${width}px`
  return cell
}

function emptyCell(text: string, width: number): HTMLElement {
  const cell = element(
    'div',
    { class: 'cell is-empty', role: 'gridcell', tabindex: -1 },
    element('span', { class: 'cell-text' }, text),
  )
  cell.style.inlineSize = `${width}px`
  return cell
}
