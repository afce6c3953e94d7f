// The rules of HLS as checks: of one playlist, and of one after another as a player sees them.
// Source: RFC 8216; draft-pantos-hls-rfc8216bis; the same rules that Apple's mediastreamvalidator knows.

export interface ReadPart {
  readonly uri: string
  readonly duration: number
  readonly isIndependent: boolean
}

export interface ReadSegment {
  readonly msn: number
  readonly uri: string
  readonly duration: number
  readonly isGap: boolean
  readonly isDiscontinuous: boolean
  readonly date: string | undefined
  readonly map: string | undefined
  readonly parts: readonly ReadPart[]
}

export interface ReadPlaylist {
  readonly version: number
  readonly target: number
  readonly control: Readonly<Record<string, string>>
  readonly partTarget: number | undefined
  readonly sequence: number
  readonly discontinuitySequence: number
  readonly skipped: number
  readonly segments: readonly ReadSegment[]
  /** Of the segment that is not complete. */
  readonly openParts: readonly ReadPart[]
  readonly openIsDiscontinuous: boolean
  readonly hint: string | undefined
  readonly reports: readonly Readonly<Record<string, string>>[]
  readonly isEnded: boolean
  readonly isIndependent: boolean
}

const known = new Set(
  [
    'EXTM3U EXT-X-VERSION EXT-X-TARGETDURATION EXT-X-SERVER-CONTROL EXT-X-PART-INF EXT-X-MEDIA-SEQUENCE',
    'EXT-X-DISCONTINUITY-SEQUENCE EXT-X-INDEPENDENT-SEGMENTS EXT-X-START EXT-X-SKIP EXT-X-MAP EXT-X-DISCONTINUITY',
    'EXT-X-PROGRAM-DATE-TIME EXT-X-PART EXT-X-GAP EXTINF EXT-X-PRELOAD-HINT EXT-X-RENDITION-REPORT EXT-X-ENDLIST',
  ]
    .join(' ')
    .split(' '),
)

/** Reads a media playlist. @throws for what is none */
export function readPlaylist(text: string): ReadPlaylist {
  const lines = text.split('\n')
  if (lines[0] !== '#EXTM3U' || lines.at(-1) !== '') throw new Error(`no playlist: ${text.slice(0, 80)}`)
  const single = new Map<string, string>()
  const segments: ReadSegment[] = []
  const reports: Record<string, string>[] = []
  let map: string | undefined
  let next = fresh()
  for (const line of lines.slice(0, -1)) {
    const [, tag = '', value = ''] = /^#(EXT[^:]*):?(.*)$/.exec(line) ?? []
    if (tag === '' && line.startsWith('#')) continue
    if (tag !== '' && !known.has(tag)) throw new Error(`unknown tag ${tag}`)
    if (tag === '') {
      const msn = Number(single.get('EXT-X-MEDIA-SEQUENCE')) + skippedOf(single) + segments.length
      segments.push({ ...next, msn, uri: line, map })
      next = fresh()
    } else if (tag === 'EXTINF') next.duration = Number(/^([\d.]+),$/.exec(value)?.[1] ?? NaN)
    else if (tag === 'EXT-X-GAP') next.isGap = true
    else if (tag === 'EXT-X-DISCONTINUITY') next.isDiscontinuous = true
    else if (tag === 'EXT-X-PROGRAM-DATE-TIME') next.date = value
    else if (tag === 'EXT-X-MAP') map = attributes(value).URI
    else if (tag === 'EXT-X-PART') next.parts.push(readPart(value))
    else if (tag === 'EXT-X-RENDITION-REPORT') reports.push(attributes(value))
    else if (single.has(tag)) throw new Error(`${tag} twice`)
    else single.set(tag, value)
  }
  const hint = single.get('EXT-X-PRELOAD-HINT')
  const partInf = single.get('EXT-X-PART-INF')
  return {
    version: Number(single.get('EXT-X-VERSION')),
    target: Number(single.get('EXT-X-TARGETDURATION')),
    control: attributes(single.get('EXT-X-SERVER-CONTROL') ?? ''),
    partTarget: partInf === undefined ? undefined : Number(attributes(partInf)['PART-TARGET']),
    sequence: Number(single.get('EXT-X-MEDIA-SEQUENCE')),
    discontinuitySequence: Number(single.get('EXT-X-DISCONTINUITY-SEQUENCE') ?? 0),
    skipped: skippedOf(single),
    segments,
    openParts: next.parts,
    openIsDiscontinuous: next.isDiscontinuous,
    hint: hint === undefined ? undefined : attributes(hint).URI,
    reports,
    isEnded: single.has('EXT-X-ENDLIST'),
    isIndependent: single.has('EXT-X-INDEPENDENT-SEGMENTS'),
  }
}

/** What is wrong with a playlist by itself. */
export function faultsOf(playlist: ReadPlaylist): string[] {
  const { version, target, control, partTarget, segments, openParts, hint, isEnded, skipped } = playlist
  const faults: string[] = []
  const check = (isRight: boolean, fault: string) => {
    if (!isRight) faults.push(fault)
  }
  const parts = [...segments.flatMap((segment) => segment.parts), ...openParts]
  check(Number.isInteger(target) && target > 0, `target duration ${target}`)
  check(version >= (partTarget !== undefined || skipped > 0 ? 9 : 6), `version ${version}`)
  for (const { uri, duration } of segments)
    check(duration > 0 && Math.round(duration) <= target, `${uri} lasts ${duration} s of ${target}`)
  for (const { uri, parts: own, duration } of segments) {
    const sum = own.reduce((all, part) => all + part.duration, 0)
    check(own.length === 0 || Math.abs(sum - duration) < 0.001, `${uri}: parts of ${sum} s in ${duration} s`)
  }
  check(
    segments.length === 0 || skipped > 0 || segments[0]!.date !== undefined,
    'no date on the first segment',
  )
  for (const each of segments)
    check(!each.isDiscontinuous || each.date !== undefined, `${each.uri} has no date`)
  check(new Set(segments.map(({ uri }) => uri)).size === segments.length, 'a segment twice')
  checkControl(playlist, check)
  if (partTarget === undefined) {
    check(parts.length === 0 && hint === undefined, 'parts without a target')
    return faults
  }
  check(isEnded || hint !== undefined, 'no preload hint')
  check(!parts.some(({ uri }) => uri === hint), 'a hint at what is there')
  const holdBack = Number(control['PART-HOLD-BACK'])
  check(isEnded || holdBack >= 2 * partTarget, `PART-HOLD-BACK ${holdBack}`)
  for (const own of [...segments.map((segment) => segment.parts), openParts])
    own.forEach(({ uri, duration, isIndependent }, index) => {
      check(duration <= partTarget + 1e-6, `${uri} lasts ${duration} s of ${partTarget}`)
      const isLast = own !== openParts && index === own.length - 1
      const follows = own[index + 1]?.isIndependent === true
      const mayBeShort = isLast || isIndependent || follows
      check(mayBeShort || duration >= 0.85 * partTarget - 1e-6, `${uri} lasts only ${duration} s`)
    })
  let age = openParts.reduce((all, { duration }) => all + duration, 0)
  for (const { parts: own, duration, uri } of segments.toReversed()) {
    check(own.length === 0 || age <= 3 * target, `${uri} lists parts ${age} s behind`)
    age += duration
  }
  return faults
}

function checkControl(
  { control, target, skipped, isEnded }: ReadPlaylist,
  check: (isRight: boolean, fault: string) => void,
): void {
  if (isEnded && Object.keys(control).length === 0) return
  check(control['CAN-BLOCK-RELOAD'] === 'YES', 'cannot block')
  check(Number(control['HOLD-BACK']) >= 3 * target, `HOLD-BACK ${control['HOLD-BACK']}`)
  check(Number(control['CAN-SKIP-UNTIL']) >= 6 * target, `CAN-SKIP-UNTIL ${control['CAN-SKIP-UNTIL']}`)
  check(skipped === 0 || control['CAN-SKIP-UNTIL'] !== undefined, 'skips without saying so')
}

/** What is wrong with a playlist after an earlier one. */
export function faultsBetween(before: ReadPlaylist, after: ReadPlaylist): string[] {
  const faults: string[] = []
  const check = (isRight: boolean, fault: string) => {
    if (!isRight) faults.push(fault)
  }
  check(after.target === before.target, `target duration ${before.target} became ${after.target}`)
  check(after.partTarget === before.partTarget, 'another part target')
  check(after.sequence >= before.sequence, `media sequence ${before.sequence} became ${after.sequence}`)
  const gone = before.segments.filter(({ msn }) => msn < after.sequence)
  const discontinuities = gone.filter(({ isDiscontinuous }) => isDiscontinuous).length
  if (after.sequence <= (before.segments.at(-1)?.msn ?? 0))
    check(
      after.discontinuitySequence === before.discontinuitySequence + discontinuities,
      `discontinuity sequence ${before.discontinuitySequence} became ${after.discontinuitySequence}`,
    )
  check(!before.isEnded || after.isEnded, 'an end that was none')
  const known = new Map(after.segments.map((segment) => [segment.msn, segment]))
  for (const old of before.segments) {
    const same = known.get(old.msn)
    if (same === undefined) {
      check(old.msn < after.sequence, `${old.uri} has vanished`)
      continue
    }
    const { duration, uri, date, isGap, isDiscontinuous } = same
    const isSame =
      uri === old.uri &&
      duration === old.duration &&
      date === old.date &&
      isGap === old.isGap &&
      isDiscontinuous === old.isDiscontinuous
    check(isSame, `${old.uri} has changed`)
  }
  if (gone.length > 0) {
    const length = after.segments.reduce((all, { duration }) => all + duration, 0)
    check(length >= 3 * after.target, `only ${length} s are listed`)
  }
  const now = [...after.segments.flatMap(({ parts }) => parts), ...after.openParts]
  before.openParts.forEach(({ uri, duration }) => {
    const same = now.find((part) => part.uri === uri)
    check(same === undefined || same.duration === duration, `${uri} has changed`)
  })
  return faults
}

/** A whole playlist out of an earlier one and what has come since. */
export function rebuild(before: ReadPlaylist, delta: ReadPlaylist): ReadPlaylist {
  const missing = Array.from({ length: delta.skipped }, (_, index) => delta.sequence + index)
  const kept = missing.map((msn) => {
    const segment = before.segments.find((each) => each.msn === msn)
    if (segment === undefined) throw new Error(`${msn} was never seen`)
    return segment
  })
  return { ...delta, skipped: 0, segments: [...kept, ...delta.segments] }
}

function fresh() {
  return {
    duration: NaN,
    isGap: false,
    isDiscontinuous: false,
    date: undefined as string | undefined,
    parts: [] as ReadPart[],
  }
}

function readPart(value: string): ReadPart {
  const { URI = '', DURATION, INDEPENDENT } = attributes(value)
  return { uri: URI, duration: Number(DURATION), isIndependent: INDEPENDENT === 'YES' }
}

function skippedOf(single: ReadonlyMap<string, string>): number {
  return Number(attributes(single.get('EXT-X-SKIP') ?? '')['SKIPPED-SEGMENTS'] ?? 0)
}

/** `A=1,B="x,y"` */
export function attributes(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)/g)].map(([, name = '', value = '']) => [
      name,
      value.replace(/^"|"$/g, ''),
    ]),
  )
}
