// The XMLTV document as text: its head with the channels, and programmes. Children stand in the order of
// the DTD; texts are clean already (programme.ts) and only escaped here. Source: xmltv.dtd.
import { formatOnScreen, formatXmltvNs } from './episode.ts'
import type { Channel, Episode, Programme } from './guide.ts'

/** Everything in front of the programmes. @param baseUrl  for picons; none are named without it */
export function formatHead(channels: readonly Channel[], baseUrl: string | undefined): string {
  const lines = channels.map((channel) => formatChannel(channel, baseUrl))
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv generator-info-name="xg2g">
${lines.join('')}`
}

/** What closes the document. */
export const tail = '</tv>\n'

export function formatProgramme(programme: Programme): string {
  const { channelId, start, stop, title, subtitle, description, categories, episode } = programme
  return (
    `<programme start="${formatTime(start)}" stop="${formatTime(stop)}" channel="${escape(channelId)}">` +
    element('title', title) +
    (subtitle === undefined ? '' : element('sub-title', subtitle)) +
    (description === undefined ? '' : element('desc', description)) +
    categories.map((category) => element('category', category, ' lang="en"')).join('') +
    (episode === undefined ? '' : formatEpisode(episode)) +
    '</programme>\n'
  )
}

// Plex joins a lineup with a guide by number or name among the display names.
function formatChannel({ id, name, number, picon }: Channel, baseUrl: string | undefined): string {
  const names = [name, `${number} ${name}`, String(number)].map((text) => element('display-name', text))
  const icon = picon && baseUrl !== undefined ? `<icon src="${escape(`${baseUrl}/picons/${id}.png`)}"/>` : ''
  return `<channel id="${escape(id)}">${names.join('')}${icon}</channel>\n`
}

function formatEpisode(episode: Episode): string {
  return (
    element('episode-num', formatXmltvNs(episode), ' system="xmltv_ns"') +
    element('episode-num', formatOnScreen(episode), ' system="onscreen"')
  )
}

/** In UTC: no daylight saving time to be wrong about. */
function formatTime(unixS: number): string {
  return `${new Date(unixS * 1000).toISOString().slice(0, 19).replace(/[-:T]/g, '')} +0000`
}

/** An element with a text in it. */
export function element(name: string, text: string, attributes = ''): string {
  return `<${name}${attributes}>${escape(text)}</${name}>`
}

function escape(text: string): string {
  if (!/[&<>"]/.test(text)) return text
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
