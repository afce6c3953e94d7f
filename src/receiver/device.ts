// What a receiver says of itself: model, image, tuners and what they do, whether it sleeps.
import { fieldsOf, flagOf, listOf, numberOf, textOf, type Answer, type Fields } from './answer.ts'
import { cleanLine } from './text.ts'

export interface TunerRow {
  readonly name: string
  readonly type: string
  /** What it receives for the living room, a recording or a stream; '' when idle. Boxes do not always say. */
  readonly live: string
  readonly recording: string
  readonly stream: string
}

export interface About {
  readonly brand: string
  readonly model: string
  readonly boxtype: string
  readonly chipset: string
  readonly image: string
  readonly imageVersion: string
  readonly webif: string
  readonly tuners: readonly TunerRow[]
  readonly canTranscode: boolean
  /** The service that the living room watches; '' in standby, and where the box does not say. */
  readonly watched: string
  /** The services that the box streams, to us and to others. Old boxes do not say. */
  readonly streamed: readonly string[]
}

export interface DeviceStatus {
  readonly isStandby: boolean | undefined
  readonly isRecording: boolean | undefined
  readonly isStreaming: boolean | undefined
}

/** `about`, or the original web interface's `about` and `deviceinfo`. */
export function readAbout({ value }: Answer): About {
  const fields = fieldsOf(value)
  const old = fieldsOf(fieldsOf(fields.abouts).about)
  const info = { ...fieldsOf(fields.info), ...fieldsOf(fields.deviceinfo), ...old }
  const text = (...names: string[]): string => cleanLine(textOf(info, ...names))
  return {
    brand: text('brand'),
    model: text('model', 'devicename'),
    boxtype: text('boxtype', 'machinebuild'),
    chipset: text('friendlychipsettext', 'chipset'),
    image: text('friendlyimagedistro', 'imagedistro', 'imageversion'),
    imageVersion: text('imagever', 'enigmaver', 'enigmaversion'),
    webif: text('webifver', 'webifversion'),
    tuners: tunersOf(info),
    canTranscode: flagOf(info, 'transcoding') ?? false,
    watched: watchedOf(fieldsOf(fields.service)),
    streamed: [...listOf(info.streams), ...listOf(fields.streams)]
      .map((row) => textOf(fieldsOf(row), 'ref', 'serviceref').trim())
      .filter((ref) => ref !== ''),
  }
}

/** `statusinfo`. */
export function readStatus({ value }: Answer): DeviceStatus {
  const fields = fieldsOf(value)
  return {
    isStandby: flagOf(fields, 'inStandby'),
    isRecording: flagOf(fields, 'isRecording'),
    isStreaming: flagOf(fields, 'isStreaming'),
  }
}

/** `timerlist`: the services that are being recorded, or will be within seconds (prepared). */
export function readRecordings({ format, value }: Answer): string[] {
  const fields = fieldsOf(value)
  const rows = format === 'json' ? listOf(fields.timers) : listOf(fieldsOf(fields.timerlist).timer)
  const running = rows.map(fieldsOf).filter((row) => {
    const state = numberOf(row, 'state')
    const isZap = flagOf(row, 'justplay') ?? false
    return (state === 1 || state === 2) && !isZap && !(flagOf(row, 'disabled') ?? false)
  })
  return running.map((row) => textOf(row, 'serviceref', 'servicereference').trim())
}

/** `serviceplayable`: is there a tuner for it? Undefined where the answer does not say. */
export function readPlayable({ value }: Answer): boolean | undefined {
  const fields = fieldsOf(value)
  const rows = [fields, fields.service, fields.serviceplayable, fieldsOf(fields.serviceplayable).service]
  return rows
    .map((row) => flagOf(fieldsOf(row), 'isplayable', 'serviceisplayable'))
    .find((flag) => flag !== undefined)
}

// Percent-encoded there. In standby there is no result, and the reference is garbage.
function watchedOf(service: Fields): string {
  if (flagOf(service, 'result') === false) return ''
  const ref = textOf(service, 'ref')
  try {
    return decodeURIComponent(ref).trim()
  } catch {
    return ref.trim()
  }
}

function tunersOf(info: Fields): TunerRow[] {
  const rows = [
    ...listOf(info.tuners),
    ...listOf(fieldsOf(info.tunerinfo).nim),
    ...listOf(fieldsOf(info.frontends).frontend),
  ]
  return rows.map((row) => {
    const text = (...names: string[]): string => cleanLine(textOf(fieldsOf(row), ...names))
    return {
      name: text('name'),
      type: text('type', 'model'),
      live: text('live'),
      recording: text('rec'),
      stream: text('stream'),
    }
  })
}
