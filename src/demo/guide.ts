// The guide: programmes for every channel and day, the same for the same seed, channel and day. Each channel
// has a manner of its own, so that together they show what real boxes deliver.
import { createHash } from 'node:crypto'
import type { Channel } from './channels.ts'
import { seeded } from './dice.ts'

export interface GuideEvent {
  readonly id: number | null
  /** Unix seconds. */
  readonly begin: number
  readonly durationSec: number
  /** As broadcast: with control characters and entities where the channel sends them. */
  readonly title: string
  readonly short: string
  readonly long: string | null
  readonly genre: { readonly id: number; readonly name: string } | undefined
}

/** The shape in which a channel without a guide says so. */
export type Absence = 'empty' | 'nulls' | 'not-available' | 'zero-dates'

interface Manner {
  readonly absence?: Absence
  /** Nothing on air for some minutes between two programmes, or two at once. */
  readonly hasGaps?: boolean
  readonly hasOverlaps?: boolean
  readonly hasNoIds?: boolean
  readonly hasNoGenre?: boolean
  readonly hasNoLong?: boolean
  readonly isLong?: boolean
  /** Rows come twice, with the reference in lower case. */
  readonly isRepeated?: boolean
  readonly marks?: 'emphasis' | 'entities' | 'controls'
}

const manners: Record<Channel['kind'], Manner> = {
  'h264-1080i': { marks: 'emphasis' },
  'h264-long-gop': { marks: 'entities' },
  mpeg2: { hasGaps: true, hasOverlaps: true },
  hevc: { hasNoIds: true },
  latm: { marks: 'controls' },
  description: { hasNoGenre: true, hasNoLong: true },
  'radio-mp2': { isLong: true },
  'radio-aac': { absence: 'empty' },
  'open-gop': { absence: 'nulls' },
  switching: { absence: 'not-available' },
  'mono-44k1': { absence: 'zero-dates' },
  'absent-audio': { isRepeated: true },
  file: { absence: 'empty' },
}

const daySec = 86_400
const dayBeginSec = 5 * 3600 // programme days begin at 5:00 UTC, so that programmes cross midnight everywhere
const keptDays = 600

const titles = [
  ['Tagesblick', 'Nachrichten aus aller Welt', 0x20],
  ['Wetter kompakt', 'Die Aussichten für Berg und Küste', 0x20],
  ['Unter dem Leuchtturm', 'Dokumentation über das Leben am Wasser', 0x81],
  ['Küche ohne Rezept', 'Heute: Suppe', 0xa5],
  ['Der lange Weg nach Norden', 'Spielfilm', 0x10],
  ['Mord im Fahrplan', 'Kriminalfilm', 0x11],
  ['Sternstunde Physik', 'Was ist ein Takt?', 0x92],
  ['Züge der Welt', 'Von Meer zu Meer', 0x71],
  ['Konzert am Abend', 'Kammermusik aus dem kleinen Saal', 0x61],
  ['Sport am Rand', 'Boule, Curling, Faustball', 0x40],
  ['Garten & Geduld', 'Der Kompost', 0xa4],
  ['Kinderkiste', 'Geschichten zum Mitmachen', 0x50],
  ['Testbild bei Nacht', 'Farben, Linien, Kreise', 0x70],
  ['Quiz "Wer zählt mit?"', "Rate' mal, wie viele", 0x31],
  ['Am Ende des Tages', 'Der Rückblick', 0x23],
] as const

const genreNames: Record<number, string> = {
  1: 'Film/Drama',
  2: 'Nachrichten/Aktuelles',
  3: 'Show/Spiele',
  4: 'Sport',
  5: 'Kinder/Jugend',
  6: 'Musik/Ballett/Tanz',
  7: 'Kunst/Kultur',
  8: 'Sozial/Politik/Wirtschaft',
  9: 'Bildung/Wissenschaft',
  10: 'Freizeit/Hobby',
}

const lengthsMin = [5, 15, 15, 30, 30, 45, 45, 60, 60, 75, 90, 105, 120]
const longLengthsMin = [120, 180, 240]
const sentences = [
  'Eine Sendung, die es nur hier gibt.',
  'Gezeigt wird, was gezeigt werden muss: Bewegung, Farbe und ein weißes Quadrat.',
  'Wer genau hinhört, erkennt alle 0,96 Sekunden einen Ton.',
  'Die Fragen von gestern bekommen heute eine Antwort.',
  'Ein Blick hinter die Kulissen eines Senders, den niemand abschalten kann.',
]

export class Guide {
  private readonly seed: number
  private readonly days = new Map<string, GuideEvent[]>()

  constructor(seed: number) {
    this.seed = seed
  }

  /** How a channel says that it has no guide; undefined when it has one. */
  absence({ kind }: Channel): Absence | undefined {
    return manners[kind].absence
  }

  isRepeated({ kind }: Channel): boolean {
    return manners[kind].isRepeated === true
  }

  /** Programmes that are on air at some time in `from` .. `to`, unix seconds, in their order. */
  events(channel: Channel, from: number, to: number): GuideEvent[] {
    if (this.absence(channel) !== undefined) return []
    const firstDay = Math.floor((from - dayBeginSec) / daySec) - 1
    const lastDay = Math.floor((to - dayBeginSec) / daySec)
    const found: GuideEvent[] = []
    for (let day = firstDay; day <= lastDay; day++) found.push(...this.day(channel, day))
    return found.filter(({ begin, durationSec }) => begin < to && begin + durationSec > from)
  }

  private day(channel: Channel, day: number): GuideEvent[] {
    const key = `${channel.ref}/${day}`
    const kept = this.days.get(key)
    if (kept !== undefined) return kept
    const made = this.make(channel, day)
    if (this.days.size >= keptDays) this.days.clear()
    this.days.set(key, made)
    return made
  }

  private make(channel: Channel, day: number): GuideEvent[] {
    const manner = manners[channel.kind]
    const random = seeded(
      createHash('sha256').update(`${this.seed}/${channel.ref}/${day}`).digest().readUInt32BE(0),
    )
    const events: GuideEvent[] = []
    const end = (day + 1) * daySec + dayBeginSec
    let begin = day * daySec + dayBeginSec
    while (begin < end) {
      const lengths = manner.isLong === true ? longLengthsMin : lengthsMin
      const durationSec = Math.min(pick(lengths, random) * 60, end - begin)
      const number = (day * 97 + events.length) & 0xffff
      events.push(eventOf({ begin, durationSec, number }, manner, random))
      begin += durationSec + pauseAfter(manner, random)
    }
    return events
  }
}

function eventOf(
  { begin, durationSec, number }: { begin: number; durationSec: number; number: number },
  manner: Manner,
  random: () => number,
): GuideEvent {
  const [title, short, genreId] = pick(titles, random)
  const long = `${pick(sentences, random)}\u008a${pick(sentences, random)}`
  const genre = { id: genreId, name: genreNames[genreId >> 4] ?? 'Sonstiges' }
  return {
    id: manner.hasNoIds === true ? null : number,
    begin,
    durationSec,
    title: marked(title, manner),
    short: manner.marks === 'controls' ? `${short}\u001a\u0001` : short,
    long: manner.hasNoLong === true ? null : long,
    genre: manner.hasNoGenre === true ? undefined : genre,
  }
}

/** A title as some broadcasters send it: emphasised, with HTML entities of their own, with stray controls. */
function marked(title: string, { marks }: Manner): string {
  switch (marks) {
    case 'emphasis':
      return `\u0086${title}\u0087`
    case 'entities':
      return title.replaceAll('&', '&amp;')
    case 'controls':
      return `${title}\u000b`
    case undefined:
      return title
    default:
      return marks satisfies never
  }
}

/** Seconds until the next programme: negative where two overlap. */
function pauseAfter({ hasGaps, hasOverlaps }: Manner, random: () => number): number {
  const dice = random()
  if (hasGaps === true && dice < 0.15) return 240
  if (hasOverlaps === true && dice > 0.9) return -120
  return 0
}

function pick<T>(list: readonly T[], random: () => number): T {
  const chosen = list[Math.floor(random() * list.length)]
  if (chosen === undefined) throw new RangeError('an empty list')
  return chosen
}
