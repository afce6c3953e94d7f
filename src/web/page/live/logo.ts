// A channel's logo, or its initials where there is none.
import type { Channel } from '../base/answers.ts'
import { element } from '../base/element.ts'

const mostInitials = 2

/** Decoration: the name stands beside it. */
export function logo({ id, name, picon }: Pick<Channel, 'id' | 'name' | 'picon'>): HTMLElement {
  const tile = element('span', { class: 'logo', 'aria-hidden': true })
  const initials = () => tile.replaceChildren(element('span', { class: 'initials' }, initialsOf(name)))
  if (picon === undefined) {
    initials()
    return tile
  }
  const image = element('img', {
    src: piconPath(id),
    alt: '',
    loading: 'lazy',
    decoding: 'async',
    width: 64,
    height: 40,
  })
  image.addEventListener('error', initials)
  tile.append(image)
  return tile
}

export function piconPath(id: string): string {
  return `picons/${encodeURIComponent(id)}.png`
}

/** `Das Erste HD` -> `DE` */
export function initialsOf(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? []
  const telling = words.filter((word) => !/^(?:u?hd|sd|4k)$/i.test(word))
  return telling
    .slice(0, mostInitials)
    .map((word) => word.charAt(0).toUpperCase())
    .join('')
}
