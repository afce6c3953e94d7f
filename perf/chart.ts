// Draws a line chart as SVG: panels under one another over one x axis. Its colours follow the reader's theme.

export interface Line {
  readonly name: string
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

export interface Panel {
  /** What is on the y axis, with its unit. */
  readonly title: string
  readonly scale: 'linear' | 'log'
  readonly lines: readonly Line[]
}

export interface Chart {
  readonly title: string
  /** What is on the x axis. */
  readonly x: string
  readonly panels: readonly Panel[]
}

/** The drawing's size, and the frame that holds the lines of a panel. */
export const frame = { width: 760, left: 64, right: 740, panel: 250, top: 34, bottom: 226 } as const
const headHeight = 34
const footHeight = 46
const legendRow = 18
const ticks = 5
const radius = 3
const markers = ['0', '7 4', '2 3', '10 3 2 3'] // dashes, for who does not see the colours

const style = `
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .title { font-size: 15px; font-weight: 600 }
  .background { fill: #fff }
  .grid { stroke: #ddd }
  .axis { stroke: #888; fill: none }
  .line { fill: none; stroke-width: 2 }
  .s0 { stroke: #0072b2 } .s1 { stroke: #d55e00 } .s2 { stroke: #00805a } .s3 { stroke: #a0408a }
  .p0 { fill: #0072b2 } .p1 { fill: #d55e00 } .p2 { fill: #00805a } .p3 { fill: #a0408a }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd }
    .background { fill: #16181c }
    .grid { stroke: #33373d }
    .s0 { stroke: #56b4e9 } .s1 { stroke: #ff9a4d } .s2 { stroke: #35c79a } .s3 { stroke: #e08fd0 }
    .p0 { fill: #56b4e9 } .p1 { fill: #ff9a4d } .p2 { fill: #35c79a } .p3 { fill: #e08fd0 }
  }`

/** One SVG document. Points that are no finite numbers, below 0, or 0 on a log scale, are left out.
 *  @throws TypeError where a panel has nothing to show, or more than four lines in a panel */
export function draw({ title, x, panels }: Chart): string {
  const shown = panels.map((panel) => ({ ...panel, lines: panel.lines.map((line) => visible(line, panel)) }))
  const points = shown.flatMap(({ lines }) => lines.flatMap((line) => line.points))
  if (shown.length === 0 || shown.some(({ lines }) => lines.every((line) => line.points.length === 0)))
    throw new TypeError('Expected points for each panel but received none')
  if (shown.some(({ lines }) => lines.length > markers.length))
    throw new TypeError(`Expected at most ${markers.length} lines for a panel`)
  const across = new Linear(
    points.map((point) => point.x),
    { from: frame.left, to: frame.right },
  )
  const legend = legendRow * Math.max(...shown.map(({ lines }) => lines.length))
  const height = headHeight + (frame.panel + legend) * shown.length + footHeight
  const drawn = shown.map((panel, place) => {
    const top = headHeight + (frame.panel + legend) * place
    return `<g transform="translate(0 ${top})">${drawPanel(panel, across)}</g>`
  })
  const described = escaped(`${title}: ${panels.map((panel) => panel.title).join(', ')} by ${x}`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${frame.width} ${height}" width="${frame.width}" height="${height}" role="img" aria-label="${described}">`,
    `<style>${style}\n</style>`,
    `<rect class="background" width="${frame.width}" height="${height}"/>`,
    `<text class="title" x="${frame.left}" y="22">${escaped(title)}</text>`,
    ...drawn,
    `<text x="${(frame.left + frame.right) / 2}" y="${height - 16}" text-anchor="middle">${escaped(x)}</text>`,
    '</svg>\n',
  ].join('\n')
}

function visible({ name, points }: Line, { scale }: Panel): Line {
  const isShown = (y: number) => Number.isFinite(y) && (scale === 'log' ? y > 0 : y >= 0)
  return { name, points: points.filter(({ x, y }) => Number.isFinite(x) && x >= 0 && isShown(y)) }
}

function drawPanel({ title, scale, lines }: Panel, across: Axis): string {
  const values = lines.flatMap(({ points }) => points.map(({ y }) => y))
  const room = { from: frame.bottom, to: frame.top }
  const up = scale === 'log' ? new Logarithmic(values, room) : new Linear(values, room)
  const rows = up.ticks.map((value) => {
    const y = shown(up.at(value))
    return (
      `<path class="grid" d="M${frame.left} ${y}H${frame.right}"/>` +
      `<text x="${frame.left - 8}" y="${y}" dy="4" text-anchor="end">${value}</text>`
    )
  })
  const columns = across.ticks.map((value) => {
    const x = shown(across.at(value))
    return `<text x="${x}" y="${frame.bottom + 18}" text-anchor="middle">${value}</text>`
  })
  return [
    `<text x="${frame.left}" y="${frame.top - 12}">${escaped(title)}</text>`,
    ...rows,
    ...columns,
    `<path class="axis" d="M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}"/>`,
    ...lines.map((line, place) => drawLine(line, place, { across, up })),
  ].join('\n')
}

function drawLine({ name, points }: Line, place: number, { across, up }: { across: Axis; up: Axis }): string {
  const places = points.map(({ x, y }) => [shown(across.at(x)), shown(up.at(y))] as const)
  const dashes = `stroke-dasharray="${markers[place] ?? '0'}"`
  const legend = frame.bottom + 36 + legendRow * place
  return [
    `<polyline class="line s${place}" ${dashes} points="${places.map((each) => each.join(',')).join(' ')}"/>`,
    ...places.map(([x, y]) => `<circle class="p${place}" cx="${x}" cy="${y}" r="${radius}"/>`),
    `<path class="line s${place}" ${dashes} d="M${frame.left} ${legend}h28"/>`,
    `<text x="${frame.left + 36}" y="${legend}" dy="4">${escaped(name)}</text>`,
  ].join('\n')
}

/** From values to places in the drawing. */
interface Axis {
  readonly ticks: readonly number[]
  at(value: number): number
}

interface Room {
  readonly from: number
  readonly to: number
}

/** Begins at 0, ends at a tick. */
class Linear implements Axis {
  readonly ticks: readonly number[]
  readonly #room: Room
  readonly #end: number

  constructor(values: readonly number[], room: Room) {
    const most = Math.max(...values) || 1
    const rough = most / ticks
    const power = 10 ** Math.floor(Math.log10(rough))
    const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
    const count = Math.ceil(most / step)
    this.ticks = Array.from({ length: count + 1 }, (_, place) => Number((place * step).toPrecision(6)))
    this.#end = count * step
    this.#room = room
  }

  at(value: number): number {
    const { from, to } = this.#room
    return from + ((to - from) * value) / this.#end
  }
}

/** From one power of ten to another. */
class Logarithmic implements Axis {
  readonly ticks: readonly number[]
  readonly #room: Room
  readonly #first: number
  readonly #count: number

  constructor(values: readonly number[], room: Room) {
    this.#first = Math.floor(Math.log10(Math.min(...values)))
    this.#count = Math.max(1, Math.ceil(Math.log10(Math.max(...values))) - this.#first)
    const tick = (place: number) => Number((10 ** (this.#first + place)).toPrecision(6))
    this.ticks = Array.from({ length: this.#count + 1 }, (_, place) => tick(place))
    this.#room = room
  }

  at(value: number): number {
    const { from, to } = this.#room
    return from + ((to - from) * (Math.log10(value) - this.#first)) / this.#count
  }
}

function shown(place: number): string {
  return String(Number(place.toFixed(1)))
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
