// A small graph of a curve, in the colours of its surroundings.
import type uPlot from 'uplot'
import { element } from '../base/element.ts'
import { clock, rate } from '../base/words.ts'
import type { Curve } from './flow.ts'

type Library = typeof uPlot

const longestS = 300 // what is shown
const shortestS = 60
const axisPixels = { below: 26, beside: 84 }
const minutesS = [60, 120, 300]
let library: Promise<Library> | undefined

export class Chart {
  readonly root: HTMLElement
  readonly #height: number
  readonly #hasAxes: boolean
  #plot: uPlot | undefined
  #curve: Curve = { times: [], rates: [] }
  #isLoading = false

  /** @param label  what it shows, for those who cannot see it */
  constructor(label: string, height: number, hasAxes: boolean) {
    this.#height = height
    this.#hasAxes = hasAxes
    this.root = element('div', { class: 'chart', role: 'img', 'aria-label': label })
    this.root.style.blockSize = `${height}px`
    new ResizeObserver(() => this.#fit()).observe(this.root)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot?.redraw())
  }

  draw(curve: Curve): void {
    this.#curve = curve
    if (this.#plot !== undefined) this.#plot.setData(dataOf(curve))
    else if (!this.#isLoading) void this.#begin()
  }

  async #begin(): Promise<void> {
    this.#isLoading = true
    library ??= import('uplot').then(({ default: loaded }) => loaded)
    const Plot = await library
    this.#plot = new Plot(this.#options(), dataOf(this.#curve), this.root)
    this.#fit()
  }

  #fit(): void {
    const { clientWidth: width } = this.root
    if (width > 0) this.#plot?.setSize({ width, height: this.#height })
  }

  #options(): uPlot.Options {
    const colour = () => getComputedStyle(this.root).color
    const line = () => getComputedStyle(this.root).borderTopColor
    const axis = {
      stroke: colour,
      grid: { stroke: line, width: 1 },
      ticks: { show: false },
      font: '12px system-ui',
    }
    return {
      width: Math.max(1, this.root.clientWidth),
      height: this.#height,
      legend: { show: false },
      cursor: { show: false },
      padding: this.#hasAxes ? [8, 8, 0, 0] : [2, 0, 2, 0],
      scales: {
        x: {
          time: true,
          range: (_, min, max) => [max - Math.min(longestS, Math.max(shortestS, max - min)), max],
        },
        y: { range: (_, __, max) => [0, Math.max(1, max * 1.15)] },
      },
      axes: this.#hasAxes
        ? [
            { ...axis, size: axisPixels.below, space: 70, incrs: minutesS, values: (_, at) => at.map(clock) },
            { ...axis, size: axisPixels.beside, space: 40, values: (_, at) => at.map(label) },
          ]
        : [{ show: false }, { show: false }],
      series: [
        {},
        {
          stroke: () => getComputedStyle(this.root).outlineColor,
          fill: () => getComputedStyle(this.root).backgroundColor,
          width: 1.5,
          points: { show: false },
        },
      ],
    }
  }
}

function dataOf({ times, rates }: Curve): uPlot.AlignedData {
  return [[...times], [...rates]]
}

function label(bitsPerSecond: number): string {
  return bitsPerSecond === 0 ? '0' : rate(bitsPerSecond)
}
