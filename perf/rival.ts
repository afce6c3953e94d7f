// ffmpeg as it is run today for the same task: picture copied, sound to AAC 192k stereo.

export interface RivalOptions {
  readonly input: string
  readonly output: string
  /** libavcodec's own default is the two-loop search. */
  readonly coder?: 'default' | 'fast'
  /** Sound alone: with a radio programme the usual `-map 0:v` fails. */
  readonly hasVideo?: boolean
  readonly hasAudio?: boolean
  /** More for the input side. */
  readonly inputOptions?: readonly string[]
  readonly outputOptions?: readonly string[]
}

/** The command line that is in use with Enigma2 receivers, for the audio path. */
export function ffmpegCommand({
  input,
  output,
  coder = 'default',
  hasVideo = true,
  hasAudio = true,
  inputOptions = [],
  outputOptions = [],
}: RivalOptions): string[] {
  return [
    ...['ffmpeg', '-hide_banner', '-loglevel', 'error', '-nostdin'],
    ...['-fflags', '+genpts+igndts', ...inputOptions, '-i', input],
    ...(hasVideo ? ['-map', '0:v', '-c:v', 'copy'] : []),
    ...(hasAudio ? ['-map', '0:a', '-c:a', 'aac', '-b:a', '192k', '-ac', '2', '-async', '1'] : []),
    ...(hasAudio && coder === 'fast' ? ['-aac_coder', 'fast'] : []),
    ...['-start_at_zero', '-avoid_negative_ts', 'make_zero', '-muxdelay', '0', '-muxpreload', '0'],
    ...['-mpegts_copyts', '1', '-mpegts_flags', 'resend_headers+initial_discontinuity'],
    ...['-pcr_period', '20', '-pat_period', '0.1', '-sdt_period', '0.5', ...outputOptions],
    ...['-f', 'mpegts', '-y', output],
  ]
}
