// Where streams to test with lie: kept samples beside the repository, where they are there, and what the
// tests make themselves.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const samples = resolve(import.meta.dirname, '../../../shared/samples/ts')
const made = resolve(import.meta.dirname, '../../var/test')

export const hasSamples = existsSync(samples)

/** The names of all kept samples; none where there are no samples. */
export function sampleNames(): string[] {
  return hasSamples ? readdirSync(samples).filter((name) => name.endsWith('.ts')) : []
}

export function readSample(name: string): Buffer {
  return readFileSync(join(samples, name))
}

/** The folder for what the tests make, shared by all of them. */
export function workFolder(): string {
  mkdirSync(made, { recursive: true })
  return made
}
