// All that is known of a programme, in a dialog.
import type { Channel, Programme } from '../base/answers.ts'
import { openDialog } from '../base/dialog.ts'
import { element, icon } from '../base/element.ts'
import { formatPlace } from '../base/place.ts'
import { day, duration, now, span } from '../base/words.ts'
import { logo } from '../live/logo.ts'

export function showDetails(programme: Programme, channel: Channel | undefined): void {
  const { title, subtitle, description, categories, start, stop } = programme
  const isOn = start <= now() && now() < stop
  const marks = [...episodeWords(programme), ...categories, duration(stop - start)]
  const watch =
    channel !== undefined &&
    element(
      'a',
      {
        autofocus: true,
        class: isOn ? 'button primary' : 'button',
        href: formatPlace({ view: 'live', channel: channel.id }),
        on: { click: () => dialog.close() },
      },
      icon('play'),
      isOn ? 'Watch now' : `Go to ${channel.name}`,
    )
  const { dialog } = openDialog(
    title,
    element(
      'div',
      { class: 'details-head' },
      channel !== undefined && logo(channel),
      element(
        'div',
        {},
        element('p', { class: 'details-channel' }, channel?.name ?? ''),
        element('p', { class: 'quiet' }, `${day(start)}, ${span(programme)}`),
      ),
    ),
    subtitle !== undefined && element('p', { class: 'details-subtitle' }, subtitle),
    element('p', { class: 'details-text' }, description ?? 'There is no description.'),
    element('ul', { class: 'marks' }, ...marks.map((mark) => element('li', { class: 'badge' }, mark))),
    element('div', { class: 'actions' }, watch),
  )
}

function episodeWords({ episode }: Programme): string[] {
  if (episode === undefined) return []
  const { season, number, total } = episode
  const part =
    number === undefined ? undefined : `Episode ${number}${total === undefined ? '' : ` of ${total}`}`
  return [season === undefined ? undefined : `Season ${season}`, part].filter((word) => word !== undefined)
}
