// The bar below the picture: play, live, volume, sound, corner, full screen.
import { element, icon, iconButton, setAttribute, setIcon, setText } from '../base/element.ts'
import { SoundPanel } from './panel.ts'
import type { Phase, Player } from './player.ts'

const volumeStep = 0.05

export class Controls {
  readonly root: HTMLElement
  readonly #player: Player
  readonly #screen: HTMLElement
  readonly #playIcon = icon('play')
  readonly #play: HTMLButtonElement
  readonly #muteIcon = icon('loud')
  readonly #mute: HTMLButtonElement
  readonly #volume: HTMLInputElement
  readonly #live: HTMLButtonElement
  readonly #liveText = element('span', {}, 'Live')
  readonly #fullIcon = icon('full')
  readonly #full: HTMLButtonElement

  /** @param screen  what becomes full: the picture with all that lies on it */
  constructor(player: Player, screen: HTMLElement) {
    this.#player = player
    this.#screen = screen
    const { video } = player
    const button = (drawing: SVGSVGElement, click: () => unknown) =>
      element('button', { type: 'button', class: 'round', on: { click } }, drawing)
    this.#play = button(this.#playIcon, () => player.toggle())
    this.#mute = button(this.#muteIcon, () => this.toggleMute())
    this.#full = button(this.#fullIcon, () => void this.toggleFull())
    this.#volume = element('input', {
      type: 'range',
      class: 'volume',
      min: 0,
      max: 1,
      step: volumeStep,
      'aria-label': 'Volume',
      on: { input: () => this.#setVolume(this.#volume.valueAsNumber) },
    })
    this.#live = element(
      'button',
      { type: 'button', class: 'live-button', on: { click: () => void player.resume() } },
      element('span', { class: 'live-dot' }),
      this.#liveText,
    )
    const corner = iconButton('corner', 'Picture in picture', () => void this.toggleCorner())
    corner.hidden = !document.pictureInPictureEnabled
    this.root = element(
      'div',
      { class: 'controls', role: 'group', 'aria-label': 'Playback' },
      this.#play,
      this.#mute,
      this.#volume,
      this.#live,
      element('span', { class: 'spacer' }),
      new SoundPanel(player).root,
      corner,
      this.#full,
    )
    player.phase.follow((phase) => this.#showPhase(phase))
    player.isHushed.watch(() => this.#showVolume())
    video.addEventListener('volumechange', () => this.#showVolume())
    video.addEventListener('timeupdate', () => this.#showLive())
    document.addEventListener('fullscreenchange', () => this.#showFull())
    this.#showVolume()
    this.#showFull()
  }

  toggleMute(): void {
    const { video } = this.#player
    if (video.muted) this.#player.unhush()
    else video.muted = true
  }

  /** @param steps  of 5 %, up or down */
  changeVolume(steps: number): void {
    this.#setVolume(Math.min(1, Math.max(0, this.#player.video.volume + steps * volumeStep)))
  }

  async toggleFull(): Promise<void> {
    const { video } = this.#player
    if (document.fullscreenElement !== null) return document.exitFullscreen()
    if ('requestFullscreen' in this.#screen) return this.#screen.requestFullscreen().catch(() => undefined)
    // iPhones make nothing full but the picture itself.
    ;(video as { webkitEnterFullscreen?: () => void }).webkitEnterFullscreen?.()
  }

  async toggleCorner(): Promise<void> {
    if (document.pictureInPictureElement !== null) await document.exitPictureInPicture()
    else await this.#player.video.requestPictureInPicture().catch(() => undefined) // no picture yet
  }

  #setVolume(volume: number): void {
    this.#player.video.volume = volume
    if (volume > 0) this.#player.unhush()
  }

  #showPhase(phase: Phase): void {
    const isPlaying = phase === 'playing' || phase === 'waiting' || phase === 'starting'
    setIcon(this.#playIcon, isPlaying ? 'pause' : 'play')
    name(this.#play, isPlaying ? 'Pause' : 'Play')
    this.#showLive()
  }

  #showVolume(): void {
    const { muted, volume } = this.#player.video
    const isSilent = muted || volume === 0
    setIcon(this.#muteIcon, isSilent ? 'muted' : 'loud')
    name(this.#mute, isSilent ? 'Unmute' : 'Mute')
    this.#volume.valueAsNumber = muted ? 0 : volume
    this.#volume.style.setProperty('--part', String(muted ? 0 : volume))
  }

  #showLive(): void {
    const { lag, phase } = this.#player
    const isLive = lag === 0 && phase.value !== 'paused'
    this.#live.classList.toggle('is-live', isLive)
    setText(this.#liveText, lag > 0 ? `${Math.round(lag)} s behind` : 'Live')
    setAttribute(this.#live, 'aria-label', isLive ? 'Live' : 'Go to live')
  }

  #showFull(): void {
    const isFull = document.fullscreenElement !== null
    setIcon(this.#fullIcon, isFull ? 'small' : 'full')
    name(this.#full, isFull ? 'Leave full screen' : 'Full screen')
  }
}

function name(button: HTMLButtonElement, label: string): void {
  setAttribute(button, 'aria-label', label)
  setAttribute(button, 'title', label)
}
