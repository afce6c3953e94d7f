// Real transport streams through the remuxer: what may not change does not, and the sound is where it was.
import { describe } from 'vitest'
import { testFaithfulness, type Expected } from './faithful.ts'
import { hasSamples, readSample } from './places.ts'

interface Sample extends Expected {
  readonly file: string
}

const samples: Sample[] = [
  { file: 'exo__sample_teletext_subtitle.ts', sound: [] },
  { file: 'eyevinn__bbb_1s.ts', sound: [[0x101, 'aac', 'copy']] },
  { file: 'media3__bbb_2500ms_1.ts', hasRival: true, sound: [[0x101, 'mp2', 'transcode']] },
  { file: 'media3__old_sample_latm.ts', sound: [[0x101, 'aac_latm', 'transcode']], isSilent: true },
  {
    file: 'media3__sample_ac3.ts',
    sound: [[0x76c, 'ac3', 'transcode']],
    levelDb: [1.5, 'ffmpeg gives the first frame, behind an ID3 tag, the time of the second'],
  },
  {
    file: 'media3__sample_dts.ts',
    sound: [[0x101, 'dts', 'transcode']],
    levelDb: [
      1.2,
      'a tone above full scale: the fast coder cuts off what a line of the spectrum cannot hold',
    ],
  },
  { file: 'media3__sample_eac3.ts', sound: [[0x76c, 'eac3', 'transcode']] },
  { file: 'media3__sample_h264_no_access_unit_delimiters.ts', sound: [] },
  { file: 'media3__sample_h265.ts', sound: [] },
  { file: 'media3__sample_latm.ts', sound: [[0x100, 'aac_latm', 'transcode']], isSilent: true },
  {
    file: 'media3__sample_mpeg_audio_with_audio_type.ts',
    sound: [[0x100, 'mp2', 'transcode']],
    isSilent: true,
  },
  { file: 'media3__sample_scte35.ts', sound: [[0x101, 'mp2', 'transcode']], isSilent: true },
  {
    file: 'shaka__hls-ts-ac3__ChID_voices_6ch_640kbps_dd_sub_0000.ts',
    hasRival: true,
    sound: [[0x101, 'ac3', 'transcode']],
  },
  { file: 'shaka__hls-ts-audio-muxed-in-video__main.ts', sound: [[0x101, 'aac', 'copy']] },
  {
    file: 'shaka__hls-ts-ec3__ChID_voices_6ch_256kbps_ddp_sub_0000.ts',
    hasRival: true,
    sound: [[0x101, 'eac3', 'transcode']],
  },
  { file: 'shaka__hls-ts-mp3__media_w239891843_0.ts', sound: [[0x101, 'mp3', 'transcode']] },
  { file: 'shaka__hls-ts-muxed-aac-h265__0.ts', sound: [[0x101, 'aac', 'copy']] },
  { file: 'shaka__hls-ts-muxed-ac3-h264__s_00000.ts', sound: [[0x101, 'ac3', 'transcode']] },
  {
    file: 'shaka__hls-ts-rollover__360p30_h264_48k_160_aac_ts-0000000028.ts',
    sound: [[0x102, 'aac', 'copy']],
  },
  {
    file: 'shaka__hls-ts-rollover__360p30_h264_48k_160_aac_ts-0000000029.ts',
    sound: [[0x102, 'aac', 'copy']],
  },
  { file: 'tsduck__in_test-025.ts', sound: [[0x1001, 'mp2', 'transcode']] },
  {
    file: 'tsduck__in_test-026.ts',
    hasRival: true,
    sound: [
      [0x82, 'eac3', 'transcode'],
      [0x83, 'eac3', 'transcode'],
      [0x84, 'eac3', 'transcode'],
    ],
  },
  { file: 'tsduck__in_test-064.ts', sound: [[0x101, 'mp2', 'transcode']] },
  {
    file: 'tsduck__in_test-139.ts',
    sound: [
      [0x1100, 'dts', 'transcode'],
      [0x1101, 'mp2', 'transcode'],
    ],
    isSilent: true,
  },
  { file: 'tsduck__ref_test-009.ts', hasRival: true, sound: [[0x3fd, 'ac3', 'transcode']] },
  {
    file: 'tsduck__ref_test-026.csa.bypid.ts',
    sound: [
      [0x82, 'eac3', 'transcode'],
      [0x83, 'eac3', 'transcode'],
    ],
    scrambled: [0x84],
  },
  {
    file: 'tsduck__ref_test-059.3.ts',
    sound: [
      [0x1ae, 'eac3', 'transcode'],
      [0x1af, 'eac3', 'transcode'],
      [0x1b0, 'eac3', 'transcode'],
    ],
    alike: 0.6,
    levelDb: [Infinity, 'ffmpeg decodes what is broken'],
  },
  { file: 'tsduck__ref_test-095.1.ts', sound: [[0x3fd, 'ac3', 'transcode']] },
  {
    file: 'tsduck__ref_test-147.ts',
    sound: [[0x64, 'aac', 'transcode']],
    alike: 0.6,
    levelDb: [Infinity, 'ffmpeg decodes what is broken'],
  },
  { file: 'vhs__videoMaxOffset.ts', sound: [] },
]

describe.skipIf(!hasSamples).each(samples)('$file', (sample) => {
  testFaithfulness(sample, async () => readSample(sample.file))
})
