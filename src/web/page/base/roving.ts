// One place in the order of focus for a list of many: arrows go on from there.

/** Keys of a vertical list. @returns the place to go to, undefined for other keys */
export function stepFor(key: string, at: number, count: number): number | undefined {
  const last = count - 1
  switch (key) {
    case 'ArrowDown':
      return Math.min(last, at + 1)
    case 'ArrowUp':
      return Math.max(0, at - 1)
    case 'Home':
      return 0
    case 'End':
      return last
    default:
      return undefined
  }
}
