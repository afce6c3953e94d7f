// Elements in one expression: name, attributes, listeners, children. No markup is ever read from text.

export type Child = Node | string | number | false | undefined
type Value = string | number | boolean | undefined
type Listeners = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => unknown }
export type Attributes = Readonly<Record<string, Value | Listeners>> & { readonly on?: Listeners }

/** An element. An attribute that is false or undefined is left out, one that is true is empty; aria- and data-
 *  attributes say `true` and `false`. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  { on = {}, ...attributes }: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) setAttribute(made, key, value as Value)
  for (const [event, listener] of Object.entries(on)) made.addEventListener(event, listener as EventListener)
  made.append(...shown(children))
  return made
}

/** The children that are there. */
export function shown(children: readonly Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== undefined && child !== false)
    .map((child) => (typeof child === 'number' ? String(child) : child))
}

export function setAttribute(target: Element, name: string, value: Value): void {
  const isWord = name.startsWith('aria-') || name.startsWith('data-')
  if (value === undefined || (value === false && !isWord)) target.removeAttribute(name)
  else target.setAttribute(name, value === true && !isWord ? '' : String(value))
}

/** Writes only what differs, so that nothing is announced or drawn again. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

const sprite = new URL('../icons.svg', import.meta.url).href
const svg = 'http://www.w3.org/2000/svg'

/** A picture of the sprite; what it stands for is said by its button. */
export function icon(name: string): SVGSVGElement {
  const drawing = document.createElementNS(svg, 'svg')
  const use = document.createElementNS(svg, 'use')
  use.setAttribute('href', `${sprite}#${name}`)
  drawing.setAttribute('class', 'icon')
  drawing.setAttribute('aria-hidden', 'true')
  drawing.append(use)
  return drawing
}

/** Another picture in its place. */
export function setIcon(drawing: SVGSVGElement, name: string): void {
  drawing.firstElementChild?.setAttribute('href', `${sprite}#${name}`)
}

/** A button that shows a picture and says its name. */
export function iconButton(name: string, label: string, click: () => unknown, extra = ''): HTMLButtonElement {
  const attributes = { type: 'button', class: `round ${extra}`.trim(), 'aria-label': label, title: label }
  return element('button', { ...attributes, on: { click } }, icon(name))
}

/** What the document itself has. @throws Error where it does not */
export function find<T extends Element>(selector: string, type: new () => T): T {
  const found = document.querySelector(selector)
  if (found instanceof type) return found
  throw new Error(`Expected ${type.name} for ${selector} but received ${found?.tagName ?? 'nothing'}`)
}
