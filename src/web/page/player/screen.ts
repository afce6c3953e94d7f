// The picture and what lies on it: who is coming, trouble, a number being typed, the controls.
import type { Channel } from '../base/answers.ts'
import { element, icon, setText } from '../base/element.ts'
import { logo } from '../live/logo.ts'
import { Controls } from './controls.ts'
import { Notice } from './notice.ts'
import { Player, type Phase } from './player.ts'

const restMs = 3000 // until the controls go away

export class Screen {
  readonly root = element('div', { class: 'screen', 'data-phase': 'idle' })
  readonly player: Player
  readonly controls: Controls
  readonly #curtain = element('div', { class: 'curtain', 'aria-hidden': true })
  readonly #digits = element('div', { class: 'digits', role: 'status', hidden: true })
  readonly #said = element('p', { class: 'unseen', role: 'status' })
  #timer: number | undefined

  constructor() {
    const video = element('video', { playsinline: true, preload: 'auto', 'aria-label': 'Live picture' })
    this.player = new Player(video)
    this.controls = new Controls(this.player, this.root)
    const hushed = element(
      'button',
      { type: 'button', class: 'button hushed', hidden: true, on: { click: () => this.player.unhush() } },
      icon('muted'),
      'Turn the sound on',
    )
    this.player.isHushed.watch((isHushed) => (hushed.hidden = !isHushed))
    this.root.append(
      video,
      this.#curtain,
      new Notice(this.player).root,
      hushed,
      this.#digits,
      this.controls.root,
      this.#said,
    )
    for (const event of ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const) {
      this.root.addEventListener(event, () => this.#wake())
    }
    this.root.addEventListener('pointerleave', () => this.#rest())
    video.addEventListener('click', () => this.#press())
    video.addEventListener('dblclick', () => void this.controls.toggleFull())
    this.player.channel.watch((channel) => this.#draw(channel))
    this.player.phase.follow((phase) => this.#enter(phase))
  }

  /** The number as it is being typed; none hides it. */
  showDigits(text: string): void {
    this.#digits.hidden = text === ''
    setText(this.#digits, text)
  }

  #draw(channel: Channel | undefined): void {
    this.root.classList.toggle('is-radio', channel?.isRadio === true)
    if (channel === undefined) return this.#curtain.replaceChildren()
    this.#curtain.replaceChildren(
      logo(channel),
      element('span', { class: 'curtain-name' }, channel.name),
      element('span', { class: 'spinner' }),
    )
  }

  #enter(phase: Phase): void {
    this.root.setAttribute('data-phase', phase)
    this.#wake()
    const name = this.player.channel.value?.name ?? ''
    if (phase === 'starting') setText(this.#said, `${name} is starting`)
    if (phase === 'playing') setText(this.#said, `${name} is playing`)
  }

  // With a mouse a click pauses; with a finger it brings the controls.
  #press(): void {
    if (matchMedia('(hover: hover)').matches) this.player.toggle()
  }

  #wake(): void {
    this.root.classList.remove('is-resting')
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => this.#rest(), restMs)
  }

  #rest(): void {
    const hasFocus =
      this.controls.root.contains(document.activeElement) && document.activeElement?.matches(':focus-visible')
    this.root.classList.toggle('is-resting', this.player.phase.value === 'playing' && hasFocus !== true)
  }
}
