// A receiver's tuners, one box each: free, kept for the living room, the receiver's own, or ours with its channels.
import type { Receiver } from '../base/answers.ts'
import { element } from '../base/element.ts'

type Use = NonNullable<Receiver['tunerUse']>

export interface Slot {
  readonly kind: 'ours' | 'receiver' | 'reserved' | 'free'
  readonly text: string
}

/** One entry a tuner, those in use first. */
export function slotsOf({ total, byReceiver, reserved, free = 0, used }: Use): Slot[] {
  const ours = used.map(({ channels, isLingering }): Slot => {
    const text = channels.join(', ') || 'A stream'
    return { kind: 'ours', text: isLingering ? `${text} (ending)` : text }
  })
  const slots = [
    ...ours,
    ...repeated(byReceiver, { kind: 'receiver', text: 'The receiver itself' }),
    ...repeated(free, { kind: 'free', text: 'Free' }),
  ]
  const kept = total === undefined ? reserved : Math.max(0, total - slots.length)
  return [...slots, ...repeated(kept, { kind: 'reserved', text: 'Kept for the living room' })]
}

export function drawTuners(use: Use): HTMLElement {
  return element(
    'ul',
    { class: 'tuners', 'aria-label': 'Tuners' },
    ...slotsOf(use).map(({ kind, text }) => element('li', { class: 'tuner', 'data-kind': kind }, text)),
  )
}

function repeated(times: number, slot: Slot): Slot[] {
  return Array.from({ length: times }, () => slot)
}
