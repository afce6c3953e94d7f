// The list of sounds that opens above its button; closed by Escape, a choice, or a click elsewhere.
import { element, icon, setAttribute } from '../base/element.ts'
import { stepFor } from '../base/roving.ts'
import type { Player, Sound } from './player.ts'
import type { Track } from './tracks.ts'

export class SoundPanel {
  readonly root: HTMLElement
  readonly #player: Player
  readonly #button: HTMLButtonElement
  readonly #menu: HTMLElement

  constructor(player: Player) {
    this.#player = player
    this.#button = element(
      'button',
      {
        type: 'button',
        class: 'round',
        'aria-label': 'Sound and language',
        title: 'Sound and language',
        'aria-haspopup': 'menu',
        'aria-expanded': false,
        on: { click: () => this.#toggle(this.#menu.hidden !== false) },
      },
      icon('sound'),
    )
    this.#menu = element('div', { class: 'menu', role: 'menu', 'aria-label': 'Sound', hidden: true })
    this.#menu.addEventListener('keydown', (event) => this.#steer(event))
    this.root = element('div', { class: 'menu-frame', hidden: true }, this.#button, this.#menu)
    this.root.addEventListener('focusout', ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node && this.root.contains(relatedTarget))) this.#toggle(false)
    })
    player.sound.follow((sound) => this.#show(sound))
  }

  #show({ tracks, chosen }: Sound): void {
    this.root.hidden = tracks.length < 2
    this.#menu.replaceChildren(...tracks.map((track) => this.#item(track, track.id === chosen)))
  }

  #item(track: Track, isChosen: boolean): HTMLElement {
    return element(
      'button',
      {
        type: 'button',
        role: 'menuitemradio',
        'aria-checked': isChosen,
        tabindex: -1,
        on: {
          click: () => {
            this.#player.chooseTrack(track)
            this.#toggle(false)
            this.#button.focus()
          },
        },
      },
      icon('check'),
      track.label,
    )
  }

  #toggle(isOpen: boolean): void {
    if (this.#menu.hidden === !isOpen) return
    this.#menu.hidden = !isOpen
    setAttribute(this.#button, 'aria-expanded', isOpen)
    if (isOpen) this.#menu.querySelector<HTMLElement>('[aria-checked=true], button')?.focus()
  }

  #steer(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      this.#toggle(false)
      this.#button.focus()
    } else {
      const items = [...this.#menu.querySelectorAll('button')]
      const at = items.findIndex((item) => item === document.activeElement)
      const to = stepFor(event.key, at, items.length)
      if (to === undefined) return
      items[to]?.focus()
    }
    event.preventDefault()
    event.stopPropagation()
  }
}
