// The shapes of what the API answers and takes, once: types, OpenAPI and tests follow from them.
import { z } from 'zod'

const time = z.iso.datetime().meta({ description: 'ISO 8601' })
const seconds = z.int().meta({ description: 'Unix time in seconds' })

export const errorSchema = z
  .object({ error: z.object({ code: z.string(), message: z.string() }) })
  .meta({ id: 'Error' })

export const channelSchema = z
  .object({
    id: z.string().meta({ description: 'The same in playlist, XMLTV and API' }),
    number: z.int(),
    name: z.string(),
    groups: z.array(z.string()),
    isRadio: z.boolean(),
    isHd: z.boolean(),
    stream: z.string().meta({ description: 'Address of the stream' }),
    picon: z.string().optional().meta({ description: 'Address of the logo' }),
  })
  .meta({ id: 'Channel' })

export const programmeSchema = z
  .object({
    channelId: z.string(),
    start: seconds,
    stop: seconds,
    title: z.string(),
    subtitle: z.string().optional(),
    description: z.string().optional(),
    categories: z.array(z.string()),
    episode: z
      .object({
        season: z.int().optional(),
        number: z.int().optional(),
        total: z.int().optional(),
      })
      .optional(),
  })
  .meta({ id: 'Programme' })

export const nowNextSchema = z
  .object({
    channelId: z.string(),
    now: programmeSchema.optional(),
    next: programmeSchema.optional(),
  })
  .meta({ id: 'NowNext' })

export const tunerUseSchema = z
  .object({
    total: z.int().optional(),
    byReceiver: z.int().meta({ description: 'By the receiver itself and its other clients' }),
    reserved: z.int().meta({ description: 'Kept free for the living room' }),
    free: z.int().optional(),
    used: z
      .array(z.object({ transponder: z.string(), channels: z.array(z.string()), isLingering: z.boolean() }))
      .meta({ description: 'By streams from here, one entry a tuner' }),
  })
  .meta({ id: 'TunerUse' })

export const receiverSchema = z
  .object({
    address: z.string().meta({ description: 'Without credentials' }),
    state: z.enum(['unknown', 'ok', 'unreachable', 'slow', 'refused', 'broken']),
    isReachable: z.boolean(),
    lastAnswerAt: time.optional(),
    lastError: z.object({ code: z.string(), message: z.string(), at: time }).optional(),
    model: z.string().optional(),
    image: z.string().optional(),
    webif: z.string().optional(),
    tuners: z.int().optional(),
    tunerUse: tunerUseSchema.optional(),
  })
  .meta({ id: 'Receiver' })

export const refreshSchema = z
  .object({
    isRunning: z.boolean(),
    stage: z.enum(['channels', 'now', 'guide', 'xmltv']).optional(),
    done: z.int(),
    total: z.int(),
    last: z
      .object({
        isComplete: z.boolean(),
        channels: z.int(),
        fetched: z.int(),
        failed: z.int(),
        durationMs: z.number(),
        error: z.string().optional(),
      })
      .optional(),
  })
  .meta({ id: 'Refresh' })

export const poolSchema = z
  .object({
    workers: z.int().meta({ description: 'Threads' }),
    workersUp: z.int(),
    capacity: z.int().meta({ description: 'Places for streams' }),
    streams: z.int().meta({ description: 'Places taken, jobs included' }),
    jobs: z.int(),
    refused: z.int(),
    restarts: z.int().meta({ description: 'Threads started again' }),
  })
  .meta({ id: 'Pool' })

export const statusSchema = z
  .object({
    status: z.enum(['ok', 'not ready']),
    missing: z.array(z.string()).meta({ description: 'Why it is not ready' }),
    version: z.string(),
    uptimeS: z.int(),
    channels: z.int(),
    lastRun: time.optional().meta({ description: 'When the lineup was last read from the receiver' }),
    streams: z.int(),
    receiver: receiverSchema.optional(),
    pool: poolSchema.optional().meta({ description: 'Absent where the sound is not made in this process' }),
    missingBouquets: z.array(z.string()),
    guide: z.object({
      programmes: z.int(),
      channelsWithData: z.int(),
      oldestS: z.number().optional(),
      nextRefresh: time.optional(),
    }),
    refresh: refreshSchema,
  })
  .meta({ id: 'Status' })

export const streamSchema = z
  .object({
    id: z.string(),
    channel: z.string(),
    client: z.string(),
    startedAt: time,
    engine: z.string(),
    audio: z.string(),
    bytesIn: z.int(),
    bytesSent: z.int(),
    bitrate: z.int().meta({ description: 'bit/s on average' }),
    lag: z.int().meta({ description: 'Bytes that the client is behind' }),
    skips: z.int().meta({ description: 'How often it was too slow and went on at an access point' }),
    clients: z.int().meta({ description: 'Clients that share this stream now' }),
    joins: z.int().meta({ description: 'Clients that have joined it since it began' }),
    errors: z.int().meta({ description: 'Faults found in the source' }),
    reconnects: z.int().meta({ description: 'Connections to the receiver opened again' }),
  })
  .meta({ id: 'Stream' })

export const settingSchema = z
  .object({
    key: z.string(),
    env: z.string().meta({ description: 'Name in the environment' }),
    meaning: z.string(),
    isLive: z.boolean().meta({ description: 'Changes without a restart' }),
  })
  .meta({ id: 'Setting' })

export const reloadedSchema = z
  .object({
    applied: z.array(z.string()).meta({ description: 'Settings that have another value now' }),
    restart: z.array(z.string()).meta({ description: 'Settings whose new value waits for a restart' }),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'Reloaded' })
