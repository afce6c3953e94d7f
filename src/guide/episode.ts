// Season and episode out of the words around a programme. Only what is certain: no number is better than
// a wrong one, which makes a recorder skip a programme.
import type { Episode } from './guide.ts'

const both = [
  /\bS(\d{1,2})[\s.,]{0,2}E(?:p\.?\s?)?(\d{1,4})\b/i,
  /\b(?:Staffel|Season|Series|Saison|Seizoen)\s(\d{1,2})[\s,.:-]{1,3}(?:Folge|Episode|Ep\.?|Aflevering)\s(\d{1,4})\b/i,
  /\b(\d{1,2})\.\sStaffel[\s,.:-]{1,3}(?:Folge|Episode)\s(\d{1,4})\b/i,
]
const ofTotal = /\((\d{1,3})\/(\d{1,3})\)/
const alone = /^(?:Folge|Episode|Ep\.)\s(\d{1,5})\b/i

/** From title, subtitle and description, the first that says it. */
export function findEpisode(...texts: readonly string[]): Episode | undefined {
  for (const text of texts) {
    const found = readBoth(text) ?? readOfTotal(text) ?? readAlone(text)
    if (found !== undefined) return found
  }
  return undefined
}

/** `S02E05`, `E5/12`: for people. */
export function formatOnScreen({ season, number, total }: Episode): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return [
    season === undefined ? '' : `S${two(season)}`,
    number === undefined ? '' : `E${two(number)}`,
    total === undefined ? '' : `/${total}`,
  ].join('')
}

/** `1.4/12.`: counted from 0, three parts. @source XMLTV DTD, episode-num, system xmltv_ns */
export function formatXmltvNs({ season, number, total }: Episode): string {
  const first = season === undefined ? '' : String(season - 1)
  const second = number === undefined ? '' : String(number - 1) + (total === undefined ? '' : `/${total}`)
  return `${first}.${second}.`
}

function readBoth(text: string): Episode | undefined {
  for (const pattern of both) {
    const match = pattern.exec(text)
    const episode = episodeOf(match?.[1], match?.[2])
    if (episode !== undefined) return episode
  }
  return undefined
}

function readOfTotal(text: string): Episode | undefined {
  const match = ofTotal.exec(text)
  const number = Number(match?.[1])
  const total = Number(match?.[2])
  return number >= 1 && total >= 2 && number <= total ? { number, total } : undefined
}

function readAlone(text: string): Episode | undefined {
  const number = Number(alone.exec(text)?.[1])
  return number >= 1 ? { number } : undefined
}

function episodeOf(season: string | undefined, number: string | undefined): Episode | undefined {
  const values = { season: Number(season), number: Number(number) }
  return values.season >= 1 && values.number >= 1 ? values : undefined
}
