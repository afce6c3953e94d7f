// What `xg2g doctor` says of the receiver: reachable, login, bouquets, clock.
import { get as httpGet } from 'node:http'
import { get as httpsGet } from 'node:https'
import type { Config } from '../base/config.ts'
import { toAppError, type AppError } from '../base/errors.ts'
import { maskCredentials } from '../base/log.ts'
import { chooseBouquets, type Bouquet } from '../guide/lineup.ts'
import { OpenWebIf } from '../receiver/client.ts'
import type { Diagnosis } from './doctor.ts'

const timeoutMs = 5000
const mostOffS = 60 // between our clock and the receiver's

export async function examineReceiver(config: Config): Promise<Diagnosis[]> {
  const { owiBase, owiUser: user, owiPass: password, bouquets } = config
  if (owiBase === undefined) {
    const cure = 'set XG2G_OWI_BASE, such as http://192.168.1.20; `xg2g discover` finds receivers'
    return [{ level: 'bad', text: 'No receiver is configured', cure }]
  }
  const client = new OpenWebIf({ owiBase, user, password, timeoutMs, retryMs: 100 })
  try {
    const { model, image, tuners } = await client.about()
    const text = `Receiver ${client.host}: ${model}, ${image}, ${tuners.length} tuners`
    return [
      { level: 'ok', text },
      ...(await examineBouquets(client, bouquets)),
      ...(await examineClock(owiBase)),
    ]
  } catch (thrown) {
    return [trouble(maskCredentials(owiBase), toAppError(thrown))]
  }
}

function trouble(address: string, { code, message, details }: AppError): Diagnosis {
  const text = `Receiver ${address}: ${message}`
  if (code === 'RECEIVER_REFUSED' && details.status === 401) {
    return { level: 'bad', text, cure: 'set XG2G_OWI_USER and XG2G_OWI_PASS (or XG2G_OWI_PASS_FILE)' }
  }
  if (code === 'RECEIVER_BROKEN') {
    return { level: 'bad', text, cure: 'is this the address of OpenWebIF, and is it up to date?' }
  }
  if (code === 'RECEIVER_REFUSED') return { level: 'bad', text }
  return { level: 'bad', text, cure: 'is it switched on, not in deep standby, and is the address right?' }
}

async function examineBouquets(client: OpenWebIf, wanted: readonly string[]): Promise<Diagnosis[]> {
  const available: Bouquet[] = []
  for (const kind of ['tv', 'radio'] as const) {
    const rows = await client.bouquets(kind)
    available.push(...rows.map((row) => ({ ...row, isRadio: kind === 'radio' })))
  }
  const names = available.map(({ name }) => name).join(', ')
  const { chosen, missing } = chooseBouquets(available, wanted)
  if (missing.length > 0) {
    const text = `The receiver has no bouquet ${missing.map((name) => `"${name}"`).join(', ')}`
    return [{ level: 'bad', text, cure: `set XG2G_BOUQUET to some of: ${names}` }]
  }
  if (chosen.length === 0) return [{ level: 'bad', text: 'The receiver has no bouquets' }]
  return [{ level: 'ok', text: `Bouquets: ${chosen.map(({ name }) => name).join(', ')}` }]
}

// The box writes the time into every answer, also into a refusal.
async function examineClock(owiBase: string): Promise<Diagnosis[]> {
  const date = await new Promise<string | undefined>((resolve) => {
    const url = new URL('/api/statusinfo', owiBase)
    const get = url.protocol === 'https:' ? httpsGet : httpGet
    // Receivers sign their certificates themselves; nothing secret is sent here.
    url.username = url.password = ''
    get(url, { timeout: timeoutMs, agent: false, rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.headers.date)
    })
      .on('timeout', () => resolve(undefined))
      .on('error', () => resolve(undefined))
  })
  const offS = date === undefined ? NaN : Math.round((Date.parse(date) - Date.now()) / 1000)
  if (!Number.isFinite(offS)) return []
  if (Math.abs(offS) <= mostOffS) return [{ level: 'ok', text: "The receiver's clock agrees with ours" }]
  const text = `The receiver's clock is ${Math.abs(offS)} s ${offS > 0 ? 'ahead of' : 'behind'} ours`
  return [{ level: 'bad', text, cure: 'what is on now will be wrong: let both take the time from NTP' }]
}
