// Why a channel does not play, in words.
import { describe, expect, it } from 'vitest'
import { refused, undecodable } from '../../../../src/web/page/player/trouble.ts'

describe('the words for a channel that does not play', () => {
  it('name the codec, and another player', () => {
    const { title, text, isOurs } = undecodable(['hvc1.2.4.L150.90'], true)
    expect(title).toContain('cannot show')
    expect(text).toContain('HEVC (H.265)')
    expect(text).toContain('VLC')
    expect(isOurs).toBe(true)
  })

  it('say it when all tuners are in use', () => {
    expect(refused(503, '{"error":{"code":"NO_TUNER","message":"x"}}').title).toBe('All tuners are in use')
  })

  it('hand on what the server said, as a sentence', () => {
    const body = '{"error":{"code":"UPSTREAM_REFUSED","message":"The receiver refused the stream"}}'
    expect(refused(502, body).text).toBe('The receiver refused the stream.')
  })

  it.each([
    [0, '', 'The connection was lost'],
    [502, '<html>', 'This channel is not available now'],
  ])('of status %i without a body of ours', (status, body, title) => {
    expect(refused(status, body)).toMatchObject({ title, isPassing: true })
  })
})
