import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { draw, frame, type Chart } from '../../perf/chart.ts'

const chart: Chart = {
  title: 'Delay & "CPU" <of> streams',
  x: 'streams',
  panels: [
    {
      title: 'ms',
      scale: 'log',
      lines: [
        { name: 'one', points: [10, 40, 120].map((x) => ({ x, y: 0.04 * x ** 2 })) },
        { name: 'two & more', points: [10, 40, 120].map((x) => ({ x, y: 7000 / x })) },
      ],
    },
    {
      title: '%',
      scale: 'linear',
      lines: [{ name: 'one', points: [10, 40, 120].map((x) => ({ x, y: 1.5 * x })) }],
    },
  ],
}

/** Of all points, in their panels. */
function circles(svg: string): { x: number; y: number }[] {
  return [...svg.matchAll(/<circle class="p\d" cx="([^"]+)" cy="([^"]+)"/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }))
}

describe('draw', () => {
  it('gives valid XML, whatever the names are', () => {
    const { status, stderr } = spawnSync('xmllint', ['--noout', '-'], {
      input: draw(chart),
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  it('has all points in the frame', () => {
    const points = circles(draw(chart))
    expect(points).toHaveLength(9)
    for (const { x, y } of points) {
      expect(x).toBeGreaterThanOrEqual(frame.left)
      expect(x).toBeLessThanOrEqual(frame.right)
      expect(y).toBeGreaterThanOrEqual(frame.top)
      expect(y).toBeLessThanOrEqual(frame.bottom)
    }
  })

  it('has more above less, and equal factors equally far apart where the scale is log', () => {
    const panel = {
      title: '',
      scale: 'log',
      lines: [{ name: '', points: [] as { x: number; y: number }[] }],
    } as const
    panel.lines[0].points.push({ x: 1, y: 0.1 }, { x: 2, y: 1 }, { x: 3, y: 10 })
    const [least, middle, most] = circles(draw({ title: '', x: '', panels: [panel] })).map(({ y }) => y)
    expect(most).toBe(frame.top)
    expect(least).toBe(frame.bottom)
    expect(middle).toBe((frame.top + frame.bottom) / 2)
  })

  it('leaves out what cannot be shown', () => {
    const points = [0, -1, NaN, Infinity, 3].map((y, x) => ({ x, y }))
    const panel = { title: '', scale: 'log', lines: [{ name: '', points }] } as const
    const svg = draw({ title: '', x: '', panels: [panel] })
    expect(circles(svg)).toHaveLength(1)
    expect(svg).not.toMatch(/NaN|Infinity/)
  })

  it('shows one value alone, and one of 0', () => {
    for (const scale of ['linear', 'log'] as const) {
      const lines = [{ name: '', points: [{ x: 0, y: scale === 'log' ? 5 : 0 }] }]
      expect(draw({ title: '', x: '', panels: [{ title: '', scale, lines }] })).not.toMatch(/NaN|Infinity/)
    }
  })

  it('has colours for dark pages too', () => {
    expect(draw(chart)).toContain('@media (prefers-color-scheme: dark)')
  })

  it('refuses a panel without points', () => {
    const panel = { title: '', scale: 'log', lines: [{ name: '', points: [] }] } as const
    expect(() => draw({ title: '', x: '', panels: [panel] })).toThrow('Expected points for each panel')
  })
})
