// What concerns this browser alone: its colours, its token.
import { element } from '../base/element.ts'
import { recall, remember } from '../base/memory.ts'

const themes = [
  ['auto', 'As the device'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const

/** Shows the page in the colours that were chosen. */
export function applyTheme(): void {
  const theme = recall('theme')
  document.documentElement.style.colorScheme = theme === 'auto' ? 'light dark' : theme
}

export function browserCard(): HTMLElement {
  const choose = (theme: (typeof themes)[number][0]) => {
    remember('theme', theme)
    applyTheme()
  }
  const options = themes.map(([theme, name]) =>
    element(
      'label',
      { class: 'option' },
      element('input', {
        type: 'radio',
        name: 'theme',
        checked: theme === recall('theme'),
        on: { change: () => choose(theme) },
      }),
      name,
    ),
  )
  const forget = () => {
    remember('token', '')
    location.reload()
  }
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, 'This browser'),
    element('fieldset', { class: 'options' }, element('legend', {}, 'Colours'), ...options),
    recall('token') !== '' &&
      element('button', { type: 'button', class: 'button', on: { click: forget } }, 'Forget the token'),
  )
}
