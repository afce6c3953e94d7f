// What is playing, told to the system: media keys, lock screens, headphones.
import type { Channel, NowNext } from '../base/answers.ts'
import { piconPath } from '../live/logo.ts'
import type { Lineups } from '../live/lineup.ts'
import type { Player } from './player.ts'

export function announce(player: Player, { onAir }: Lineups, zap: (step: 1 | -1) => void): void {
  if (!('mediaSession' in navigator)) return
  const { mediaSession } = navigator
  mediaSession.setActionHandler('play', () => void player.resume())
  mediaSession.setActionHandler('pause', () => player.video.pause())
  mediaSession.setActionHandler('stop', () => player.stop())
  mediaSession.setActionHandler('previoustrack', () => zap(-1))
  mediaSession.setActionHandler('nexttrack', () => zap(1))
  const show = () => {
    const channel = player.channel.value
    mediaSession.metadata = channel === undefined ? null : describe(channel, onAir.value.get(channel.id))
  }
  player.channel.watch(show)
  onAir.watch(show)
  player.phase.watch((phase) => {
    mediaSession.playbackState = phase === 'idle' ? 'none' : phase === 'paused' ? 'paused' : 'playing'
  })
}

function describe({ id, name, picon }: Channel, onAir: NowNext | undefined): MediaMetadata {
  const artwork = picon === undefined ? [] : [{ src: piconPath(id) }]
  return new MediaMetadata({ title: onAir?.now?.title ?? name, artist: name, artwork })
}
