// The keyboard as a remote control: up and down the list, numbers, sound, picture.
import type { Channel } from '../base/answers.ts'
import type { Controls } from './controls.ts'
import type { Screen } from './screen.ts'

const typedMs = 1500 // after the last digit
const mostDigits = 4

export interface Targets {
  readonly screen: Screen
  /** What zapping goes through. */
  readonly channels: () => readonly Channel[]
  readonly byNumber: (number: number) => Channel | undefined
  readonly watch: (channel: Channel) => void
  readonly search: () => void
  readonly help: () => void
}

/** Keys and what they do, as the help shows them. */
export const keys: readonly (readonly [string, string])[] = [
  ['Page down, page up', 'Next or previous channel'],
  ['0 – 9', 'Channel by its number'],
  ['Space or K', 'Pause and go on'],
  ['M', 'Sound off and on'],
  ['+ and −', 'Louder, quieter'],
  ['F', 'Full screen'],
  ['P', 'Picture in picture'],
  ['/', 'Search'],
  ['?', 'These keys'],
]

// As a remote control has it: the list goes downwards.
const steps: Readonly<Record<string, 1 | -1>> = { PageDown: 1, PageUp: -1 }

export class Remote {
  readonly #targets: Targets
  #digits = ''
  #timer: number | undefined

  constructor(targets: Targets) {
    this.#targets = targets
    document.addEventListener('keydown', (event) => this.#press(event))
  }

  /** The next channel (1) or the one before (-1), in the list as it is shown. */
  zap(step: 1 | -1): void {
    const channels = this.#targets.channels()
    const { value: current } = this.#targets.screen.player.channel
    const at = channels.findIndex(({ id }) => id === current?.id)
    const start = step === 1 ? 0 : channels.length - 1
    const to = at === -1 ? start : (at + step + channels.length) % channels.length
    const channel = channels[to]
    if (channel !== undefined) this.#targets.watch(channel)
  }

  #press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return
    if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return
    if (/^\d$/.test(event.key)) this.#type(event.key)
    else if (!this.#act(event)) return
    event.preventDefault()
  }

  #act({ key, target }: KeyboardEvent): boolean {
    const { screen, search, help } = this.#targets
    const isOnButton = target instanceof HTMLElement && target.closest('a, button, [role=gridcell]') !== null
    const isIdle = screen.player.channel.value === undefined
    if (key === '/') return done(search)
    if (key === '?') return done(help)
    const step = isInside(target, '.guide') ? undefined : steps[key]
    if (step !== undefined) return done(() => this.zap(step))
    if (key === 'Enter' && this.#digits !== '') return done(() => this.#tune())
    if (isIdle || (isOnButton && (key === ' ' || key === 'Enter'))) return false
    return this.#play(key.toLowerCase(), screen.controls)
  }

  #play(key: string, controls: Controls): boolean {
    const { player } = this.#targets.screen
    if (key === ' ' || key === 'k') return done(() => player.toggle())
    if (key === 'm') return done(() => controls.toggleMute())
    if (key === 'f') return done(() => void controls.toggleFull())
    if (key === 'p') return done(() => void controls.toggleCorner())
    if (key === '+') return done(() => controls.changeVolume(1))
    if (key === '-') return done(() => controls.changeVolume(-1))
    return false
  }

  #type(digit: string): void {
    this.#digits = (this.#digits + digit).slice(0, mostDigits)
    const channel = this.#targets.byNumber(Number(this.#digits))
    this.#targets.screen.showDigits(`${this.#digits}${channel === undefined ? '' : `  ${channel.name}`}`)
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => this.#tune(), typedMs)
  }

  #tune(): void {
    clearTimeout(this.#timer)
    const channel = this.#targets.byNumber(Number(this.#digits))
    this.#digits = ''
    this.#targets.screen.showDigits('')
    if (channel !== undefined) this.#targets.watch(channel)
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement
}

function isInside(target: EventTarget | null, selector: string): boolean {
  return target instanceof Element && target.closest(selector) !== null
}

function done(act: () => void): true {
  act()
  return true
}
