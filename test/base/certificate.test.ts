import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readCertificate } from '../../src/base/certificate.ts'
import { issue, type Issued } from './issuer.ts'

let folder: string
let tv: Issued
let other: Issued
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'xg2g-certificate-'))
  tv = issue(folder)
  other = issue(folder, 'other')
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => void vi.useRealTimers())

const read = ({ cert, key }: Partial<Issued>) => readCertificate({ tlsCert: cert, tlsKey: key })
const day = 86_400_000

describe('readCertificate', () => {
  it('is undefined where none is configured', () => {
    expect(read({})).toBeUndefined()
  })

  it('tells the names and how long they are good', () => {
    const { names, validTo, warnings } = read(tv)!
    expect([names, warnings]).toEqual(['DNS:localhost, IP Address:127.0.0.1', []])
    expect(validTo.getTime()).toBeGreaterThan(Date.now() + day)
  })

  it.each([
    [3 * day, /certificate of XG2G_TLS_CERT expired at 2/],
    [-day, /certificate of XG2G_TLS_CERT is not valid before 2/],
  ])('warns %i ms from now', (later, warning) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + later })
    expect(read(tv)?.warnings).toEqual([expect.stringMatching(warning)])
  })

  it('says which of the two is missing', () => {
    const missing = /^Expected the path of a file in PEM for XG2G_TLS_(KEY|CERT) but received undefined$/
    expect(() => read({ cert: tv.cert })).toThrow(missing)
    expect(() => read({ key: tv.key })).toThrow(missing)
  })

  it('says which file cannot be read', () => {
    const key = join(folder, 'nothing')
    expect(() => read({ ...tv, key })).toThrow(
      `Expected a file that can be read for XG2G_TLS_KEY but received "${key}": ENOENT`,
    )
  })

  it('says which file is not what it is to be', () => {
    const swapped = { cert: tv.key, key: tv.cert }
    expect(() => read(swapped)).toThrow(
      /^Expected a certificate in PEM for XG2G_TLS_CERT but received ".*key"/,
    )
    const text = join(folder, 'text')
    writeFileSync(text, 'Dear diary')
    expect(() => read({ ...tv, key: text })).toThrow(/^Expected a private key in PEM .* for XG2G_TLS_KEY/)
  })

  it('says that a key has a passphrase', () => {
    const locked = join(folder, 'locked')
    execFileSync('openssl', ['ec', '-in', tv.key, '-out', locked, '-aes128', '-passout', 'pass:geheim'], {
      stdio: 'ignore',
    })
    expect(() => read({ ...tv, key: locked })).toThrow(/without a passphrase for XG2G_TLS_KEY/)
  })

  it('says that the key is that of another certificate', () => {
    expect(() => read({ cert: tv.cert, key: other.key })).toThrow(
      `Expected the key of the certificate in XG2G_TLS_CERT for XG2G_TLS_KEY but received "${other.key}"`,
    )
  })

  it('says that a key is too weak for TLS', () => {
    const weak = { cert: join(folder, 'weak.pem'), key: join(folder, 'weak.key') }
    const args = ['-newkey', 'rsa:512', '-nodes', '-keyout', weak.key, '-out', weak.cert, '-subj', '/CN=weak']
    execFileSync('openssl', ['req', '-x509', ...args], { stdio: 'ignore' })
    expect(() => read(weak)).toThrow(/^Expected a certificate fit for TLS .*ee key too small/)
  })
})
