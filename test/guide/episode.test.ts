import { describe, expect, it } from 'vitest'
import { findEpisode, formatOnScreen, formatXmltvNs } from '../../src/guide/episode.ts'

describe('findEpisode', () => {
  it.each([
    ['Veteran Guy. S16 Ep14', { season: 16, number: 14 }, 'S16E14', '15.13.'],
    ['S02E05', { season: 2, number: 5 }, 'S02E05', '1.4.'],
    ['Staffel 2, Folge 5', { season: 2, number: 5 }, 'S02E05', '1.4.'],
    ['3. Staffel, Folge 12: Das Tor', { season: 3, number: 12 }, 'S03E12', '2.11.'],
    ['Das Meer (5/12)', { number: 5, total: 12 }, 'E05/12', '.4/12.'],
    ['Folge 56, Nani hat Schwierigkeiten', { number: 56 }, 'E56', '.55.'],
    ['Episode 2636', { number: 2636 }, 'E2636', '.2635.'],
  ])('%s', (text, episode, onScreen, ns) => {
    expect(findEpisode('Titel', text)).toEqual(episode)
    expect([formatOnScreen(episode), formatXmltvNs(episode)]).toEqual([onScreen, ns])
  })

  it.each([
    'In dieser ersten Folge',
    'Am 5/12 (24/7)',
    '(12/5)',
    'DTS-E5',
    'S00E00',
    'Die Folge 7 Jahre später',
    '16:9 HD',
  ])('is not sure about %s', (text) => expect(findEpisode(text)).toBeUndefined())
})
