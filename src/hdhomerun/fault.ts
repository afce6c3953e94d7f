// What an error is called among HDHomeRun devices. Source: SiliconDust, HDHomeRun HTTP Development Guide.
// 808 and 810 are of recorders; 811 is never said, since scrambled packets pass as they are.
import type { OutgoingHttpHeaders } from 'node:http'
import type { AppError, ErrorCode } from '../base/errors.ts'

const busy = '803 System Busy'
const tuneFailed = '806 Tune Failed'
const noVideoData = '807 No Video Data'

const faults: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: '801 Unknown Channel',
  UNKNOWN_PROFILE: '802 Unknown Transcode Profile',
  NOT_READY: busy,
  SHUTTING_DOWN: busy,
  POOL_FULL: busy,
  NO_WORKER: busy,
  ADDON_MISSING: busy,
  FFMPEG_MISSING: busy,
  TUNER_IN_USE: '804 Tuner In Use',
  NO_TUNER: '805 All Tuners In Use',
  UPSTREAM_REFUSED: tuneFailed,
  RECEIVER_UNREACHABLE: tuneFailed,
  RECEIVER_TIMEOUT: tuneFailed,
  RECEIVER_REFUSED: tuneFailed,
  RECEIVER_BROKEN: tuneFailed,
  UPSTREAM_TIMEOUT: noVideoData,
  UPSTREAM_ENDED: noVideoData,
  NO_STREAM: noVideoData,
  LIMIT_REACHED: '809 Playback Connection Limit',
}

/** The header that tells clients what went wrong; none for what devices have no number for. */
export function faultHeaders({ code }: AppError): OutgoingHttpHeaders {
  const fault = faults[code]
  return fault === undefined ? {} : { 'X-HDHomeRun-Error': fault }
}
