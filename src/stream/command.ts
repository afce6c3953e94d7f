// What ffmpeg is told: the picture as it is, the sound as the profile asks, the PIDs and times of the source.
import type { Profile } from '../workers/profile.ts'
import type { ProgramTables, SoundTrack } from './tables.ts'

const encoders = { aac: 'aac', mp3: 'libmp3lame' } as const

/** The encoder of ffmpeg that a profile needs; undefined where nothing is encoded. */
export function encoderFor({ audio }: Profile): string | undefined {
  return audio === 'copy' ? undefined : encoders[audio]
}

const firstOriginalPid = 0x1e00 // where free PIDs are looked for, as the native remuxer does
const mostTracks = 16

interface Output {
  /** of the source */
  readonly pid: number
  readonly as: number
  readonly isSound: boolean
  readonly isCopy: boolean
}

/** ffmpeg's arguments, from stdin to stdout. Subtitles and teletext stay behind: ffmpeg would hold up picture
 *  and sound for each of them until it has a packet. */
export function ffmpegArguments(tables: ProgramTables, profile: Profile): string[] {
  const { program, pmtPid } = tables
  const outputs = outputsOf(tables, profile)
  return [
    ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error'],
    ...['-fflags', '+genpts', '-err_detect', 'ignore_err', '-max_error_rate', '1'], // damage does not end it
    ...['-probesize', '500k', '-analyzeduration', '200000', '-copyts', '-f', 'mpegts', '-i', 'pipe:0'],
    ...outputs.flatMap(({ pid }) => ['-map', `0:i:${pid}?`]), // `?`: announced and not there is no fault
    ...['-c:v', 'copy', '-copyinkf'], // from the first picture on, as it was broadcast
    ...outputs.filter(({ isSound }) => isSound).flatMap((output, place) => coding(output, place, profile)),
    ...outputs.flatMap(({ as }, place) => ['-streamid', `${place}:${as}`]),
    ...(program > 0 ? ['-mpegts_service_id', String(program)] : []),
    ...(pmtPid >= 0x20 ? ['-mpegts_pmt_start_pid', String(pmtPid)] : []),
    ...['-muxdelay', '0', '-muxpreload', '0', '-mpegts_copyts', '1', '-pes_payload_size', '0'],
    ...['-mpegts_flags', 'resend_headers+initial_discontinuity', '-pat_period', '0.1', '-pcr_period', '20'],
    ...['-max_muxing_queue_size', '4096', '-flush_packets', '1', '-f', 'mpegts', 'pipe:1'],
  ]
}

function coding({ isCopy }: Output, place: number, profile: Profile): string[] {
  const encoder = encoderFor(profile)
  if (isCopy || encoder === undefined) return [`-c:a:${place}`, 'copy']
  // A track with fewer channels keeps its own count; gaps become silence, drift is drawn back.
  const layouts = ['mono', 'stereo', '5.1'].slice(0, [1, 2, 6].indexOf(profile.channels) + 1).join('|')
  return [
    ...[`-c:a:${place}`, encoder, `-b:a:${place}`, String(profile.bitrate)],
    ...(encoder === 'aac' ? [`-aac_coder:a:${place}`, 'fast'] : []),
    ...[`-filter:a:${place}`, `aresample=async=1,aformat=channel_layouts=${layouts}`],
  ]
}

function outputsOf(tables: ProgramTables, profile: Profile): Output[] {
  const video = tables.video.map((pid) => ({ pid, as: pid, isSound: false, isCopy: true }))
  const taken = new Set([tables.pmtPid, tables.pcrPid, ...tables.pids])
  let free = firstOriginalPid
  const sound = chooseTracks(tables.sound, profile).flatMap(({ pid }) => {
    const isCopy = profile.audio === 'copy'
    const track: Output = { pid, as: pid, isSound: true, isCopy }
    if (isCopy || !profile.keepOriginal) return [track]
    while (taken.has(free)) free++
    return [track, { pid, as: free++, isSound: true, isCopy: true }]
  })
  return [...video, ...sound]
}

/** The tracks that a profile wants, in order: those of its languages, else all, audio description never first.
 *  The same choice as the native remuxer makes. */
export function chooseTracks(
  tracks: readonly SoundTrack[],
  { language, tracks: choice }: Pick<Profile, 'language' | 'tracks'>,
): readonly SoundTrack[] {
  const wanted = language.map(canonical)
  const rank = (track: SoundTrack) => {
    const place = wanted.indexOf(canonical(track.language))
    return place < 0 ? wanted.length : place
  }
  const isAsked = (track: SoundTrack) => rank(track) < wanted.length
  const isInOrder = wanted.length === 0 && tracks[0]?.isDescription === false
  const sorted = isInOrder
    ? tracks
    : tracks.toSorted((a, b) => Number(a.isDescription) - Number(b.isDescription) || rank(a) - rank(b))
  // Better another language than no sound, or than audio description alone.
  const hasMatch = sorted.some((track) => isAsked(track) && !track.isDescription)
  const chosen = sorted.filter(
    (track, place) => wanted.length === 0 || isAsked(track) || (!hasMatch && place === 0),
  )
  return chosen.slice(0, choice === 'one' ? 1 : mostTracks)
}

// The languages that have a bibliographic and a terminological code. Source: ISO 639-2.
const bothCodes: Readonly<Record<string, string>> = {
  ...{ alb: 'sqi', arm: 'hye', baq: 'eus', bur: 'mya', chi: 'zho', cze: 'ces', dut: 'nld', fre: 'fra' },
  ...{ geo: 'kat', ger: 'deu', gre: 'ell', ice: 'isl', mac: 'mkd', mao: 'mri', may: 'msa', per: 'fas' },
  ...{ rum: 'ron', slo: 'slk', tib: 'bod', wel: 'cym' },
}

function canonical(language: string): string {
  return bothCodes[language] ?? language
}
