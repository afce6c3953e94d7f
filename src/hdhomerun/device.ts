// What discovery, control and HTTP tell of the virtual devices; who tells it and who knows it meet here.

/** One virtual device: what discovery, control and HTTP tell of it. */
export interface Device {
  /** 8 upper-case hex digits with a right check digit. */
  readonly id: string
  /** UUID of the UPnP device, without `uuid:`. */
  readonly udn: string
  readonly name: string
  /** In the style of `HDHR5-4DT`; never containing HDTC, which would promise hardware transcoding. */
  readonly model: string
  /** A date-like version. */
  readonly firmware: string
  /** DeviceAuth, 24 characters. */
  readonly auth: string
  readonly tuners: number
  /** HTTP port and base path ('' for the first device). */
  readonly port: number
  readonly path: string
}

/** What a tuner does now. */
export interface TunerState {
  readonly index: number
  readonly channel?: { number: string; name: string }
  /** IP address of a viewer. */
  readonly target?: string
  /** In bit/s. */
  readonly bitrate?: number
  /** In percent, as the next two. */
  readonly strength?: number
  readonly quality?: number
  readonly symbols?: number
}

export interface DeviceHost {
  readonly devices: readonly Device[]
  tuners(device: Device): readonly TunerState[]
}
