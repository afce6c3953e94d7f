// The channels that local programs publish now.
import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { AppError } from '../base/errors.ts'
import type { Inflow } from './inflow.ts'
import type { PublishOrder } from './order.ts'
import { Publication, type PublishedChannel } from './publication.ts'

/** The first number of those who do not ask for one: behind any receiver's. */
const firstNumber = 9001

export class Published extends EventEmitter<{ change: [] }> {
  readonly #publications = new Map<string, Publication>()

  /** In the order of their numbers. */
  list(): PublishedChannel[] {
    const channels = [...this.#publications.values()].map(({ channel }) => channel)
    return channels.sort((one, other) => one.number - other.number)
  }

  /** By id or number. */
  find(idOrNumber: string): Publication | undefined {
    const known = this.#publications.get(idOrNumber)
    if (known !== undefined) return known
    return [...this.#publications.values()].find(({ channel }) => String(channel.number) === idOrNumber)
  }

  /** Makes a channel of what comes. It is to be taken back when the connection ends.
   *  @throws NAME_TAKEN if another program publishes that name or number */
  add(order: PublishOrder, inflow: Inflow): Publication {
    const { name, isRadio } = order
    const id = channelIdOf(name)
    if (this.#publications.has(id)) throw taken('name', name)
    const numbers = new Set(this.list().map(({ number }) => number))
    if (order.number !== undefined && numbers.has(order.number)) throw taken('number', order.number)
    let number = order.number ?? firstNumber
    while (numbers.has(number)) number++
    const publication = new Publication({ id, number, name, isRadio }, order, inflow)
    this.#publications.set(id, publication)
    this.emit('change')
    return publication
  }

  /** Does nothing the second time. */
  remove({ channel }: Publication): void {
    if (this.#publications.delete(channel.id)) this.emit('change')
  }
}

// Made of the name alone. Contains a dot, as XMLTV's validators demand, and no id is the beginning of another.
function channelIdOf(name: string): string {
  const plain = name.toLowerCase()
  const slug = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, 8)
  return `${slug.slice(0, 40) || 'channel'}-${hash}.published`
}

function taken(what: string, value: string | number): AppError {
  return new AppError('NAME_TAKEN', { reason: `The ${what} ${value} is taken by another program` })
}
