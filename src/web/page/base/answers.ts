// What the API answers, told by its own schemas: types alone, nothing of them gets into the browser.
import type { z } from 'zod'
import type {
  channelSchema,
  nowNextSchema,
  programmeSchema,
  receiverSchema,
  refreshSchema,
  poolSchema,
  reloadedSchema,
  settingSchema,
  statusSchema,
  streamSchema,
} from '../../../api/schemas.ts'

export type Channel = z.output<typeof channelSchema>
export type Programme = z.output<typeof programmeSchema>
export type NowNext = z.output<typeof nowNextSchema>
export type Receiver = z.output<typeof receiverSchema>
export type Pool = z.output<typeof poolSchema>
export type Setting = z.output<typeof settingSchema>
export type Refresh = z.output<typeof refreshSchema>
export type Reloaded = z.output<typeof reloadedSchema>
export type Status = z.output<typeof statusSchema>
export type Stream = z.output<typeof streamSchema>
