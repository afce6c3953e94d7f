// What lies on the picture when there is none, or no sound: why, and what can be done.
import type { Channel } from '../base/answers.ts'
import { element, icon, type Child } from '../base/element.ts'
import type { Player } from './player.ts'
import type { Trouble } from './trouble.ts'

export class Notice {
  readonly root = element('div', { class: 'notice', role: 'alert', hidden: true })
  readonly #player: Player

  constructor(player: Player) {
    this.#player = player
    player.trouble.watch((trouble) => this.#show(trouble))
    player.isBlind.watch(() => this.#show(player.trouble.value))
  }

  #show(trouble: Trouble | undefined): void {
    const { isBlind, channel } = this.#player
    const shown = trouble ?? (isBlind.value ? blind : undefined)
    this.root.hidden = shown === undefined
    this.root.replaceChildren()
    if (shown === undefined || channel.value === undefined) return
    this.root.append(
      element('h2', {}, shown.title),
      element('p', {}, shown.text),
      element('div', { class: 'actions' }, ...this.#actions(shown, channel.value)),
    )
  }

  #actions({ isOurs, isPassing }: Trouble, channel: Channel): Child[] {
    const retry = { type: 'button', class: 'button primary', on: { click: () => this.#player.retry() } }
    return [
      isPassing && element('button', retry, icon('refresh'), 'Try again'),
      ...(isOurs ? elsewhere(channel) : []),
    ]
  }
}

const blind: Trouble = {
  title: 'Sound only',
  text: 'This browser plays the sound of this channel, but has no decoder for its picture (MPEG-2 or HEVC). Another player shows it, VLC for example.',
  isOurs: true,
  isPassing: false,
}

/** Links for other players: the stream as it is, and as a playlist that opens VLC and its like. */
export function elsewhere({ name, stream }: Channel): Child[] {
  const playlist = `#EXTM3U\n#EXTINF:-1,${name}\n${stream}\n`
  const href = `data:audio/x-mpegurl;charset=utf-8,${encodeURIComponent(playlist)}`
  return [
    element('a', { class: 'button', href, download: `${name}.m3u` }, icon('outside'), 'Open in a player'),
    element('a', { class: 'button', href: stream }, 'Stream address'),
  ]
}
