// What a receiver says of itself: model, image, tuners, whether it sleeps. For status and diagnosis.
import { fieldsOf, flagOf, listOf, textOf, type Answer, type Fields } from './answer.ts'
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
