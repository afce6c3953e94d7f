// How well text can be told from what is behind it, as the browser shows both.
// Source: WCAG 2.2, relative luminance and contrast ratio.
import type { Locator } from 'playwright-core'

/** The contrast of each element's text, 1 .. 21. */
export function contrastsOf(elements: Locator): Promise<number[]> {
  return elements.evaluateAll((all) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    if (canvas === null) throw new Error('no canvas')
    canvas.canvas.width = canvas.canvas.height = 1
    // Painted, so that every way to write a colour is read alike.
    const paint = (colours: readonly string[]): number[] => {
      canvas.clearRect(0, 0, 1, 1)
      for (const colour of colours) {
        canvas.fillStyle = colour
        canvas.fillRect(0, 0, 1, 1)
      }
      return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
    }
    const luminance = (colour: number[]) => {
      const [red = 0, green = 0, blue = 0] = colour.map((part) => {
        const value = part / 255
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
      })
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    return all.map((element) => {
      const grounds: string[] = []
      for (let each: Element | null = element; each !== null; each = each.parentElement) {
        grounds.unshift(getComputedStyle(each).backgroundColor)
      }
      const ground = luminance(paint(grounds))
      const text = luminance(paint([...grounds, getComputedStyle(element).color]))
      return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)
    })
  })
}
