import { describe, expect, it } from 'vitest'
import { atLeast, atMost, markdown, round, show, text, type Result } from '../../perf/report.ts'

const result: Result = {
  task: 'Both count to ten.',
  inputs: ['ten numbers'],
  tables: [
    {
      title: 'Seconds',
      columns: ['who', 's'],
      rows: [
        ['we', '1.00'],
        ['the other', '4.50'],
      ],
    },
  ],
  goals: [atLeast('speed', 4, 4.5, ' x'), atMost('memory', 1, 2, ' MB')],
  notes: ['The other one speaks aloud.'],
}

describe('atLeast and atMost', () => {
  it.each([
    [atLeast('a', 2, 2), true],
    [atLeast('a', 2, 1.999), false],
    [atLeast('a', 2, NaN), false],
    [atMost('a', 2, 2), true],
    [atMost('a', 2, 2.001), false],
    [atMost('a', 2, NaN), false],
  ])('%j', (goal, isMet) => {
    expect(goal.isMet).toBe(isMet)
  })
})

describe('text', () => {
  it('has the tables, and says of each goal whether it is met', () => {
    const lines = text(result).split('\n')
    expect(lines).toContain('  the other  4.50')
    expect(lines.find((line) => line.includes('speed'))).toMatch(/>= 4 x\s+4\.50 x\s+met$/)
    expect(lines.find((line) => line.includes('memory'))).toMatch(/<= 1 MB\s+2\.00 MB\s+MISSED$/)
  })
})

describe('markdown', () => {
  it('names task, input, command, machine, versions and date', () => {
    const circumstances = {
      command: 'node perf/bench.ts ten',
      machine: ['a machine'],
      versions: ['Node v1'],
      date: '2026-01-02',
    }
    const page = markdown('Ten', result, circumstances)
    expect(page.startsWith('# Ten\n')).toBe(true)
    expect(page).toContain('| the other | 4.50 |')
    for (const part of [
      'Both count',
      'ten numbers',
      '`node perf/bench.ts ten`',
      'a machine',
      'Node v1',
      '2026-01-02',
    ])
      expect(page).toContain(part)
  })

  it('shows the plot that lies beside it', () => {
    const circumstances = { command: '', machine: [], versions: [], date: '' }
    const page = markdown(
      'Ten',
      { ...result, plot: { about: 'speed', svg: '<svg/>' } },
      circumstances,
      'ten.svg',
    )
    expect(page).toContain('![speed](ten.svg)\n')
    expect(markdown('Ten', result, circumstances)).not.toContain('![')
  })
})

describe('round', () => {
  it.each([
    [1234.5, '1235'],
    [12.345, '12.3'],
    [1.2345, '1.23'],
    [0.012345, '0.012'],
    [-0.5, '-0.50'],
    [0, '0.00'],
    [Infinity, '-'],
  ])('shows %d as %s', (value, shown) => {
    expect(round(value)).toBe(shown)
  })
})

describe('show', () => {
  it('has the median and the ends', () => {
    expect(show({ median: 5, least: 4, most: 12, count: 3 }, ' ms')).toBe('5.00 ms (4.00 - 12.0)')
  })
})
