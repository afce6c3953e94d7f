// The certificate of HTTPS and its key, as files: read, and held against each other before a port is given them.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { AppError, expectation } from './errors.ts'
import { settingInfo } from './settings.ts'

export interface CertificateFiles {
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
}

export interface Certificate {
  /** The certificate and those that lead to its authority, in PEM. */
  readonly cert: Buffer
  readonly key: Buffer
  /** The names it is for, such as `DNS:tv.example.org`; '' where it says none. */
  readonly names: string
  readonly validTo: Date
  /** What clients will not like about it. */
  readonly warnings: readonly string[]
}

type FileKey = keyof CertificateFiles

/** The certificate that is configured; undefined where none is. @throws CONFIG_INVALID naming what is wrong */
export function readCertificate({ tlsCert, tlsKey }: CertificateFiles): Certificate | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  const cert = readPem('tlsCert', tlsCert)
  const key = readPem('tlsKey', tlsKey)
  const x509 = parsed(() => new X509Certificate(cert), 'a certificate in PEM', ['tlsCert', tlsCert])
  const secret = parsed(() => createPrivateKey(key), 'a private key in PEM without a passphrase', [
    'tlsKey',
    tlsKey,
  ])
  if (!x509.checkPrivateKey(secret))
    throw wrong(expectation(`the key of the certificate in ${env('tlsCert')}`, env('tlsKey'), tlsKey))
  parsed(() => createSecureContext({ cert, key }), 'a certificate fit for TLS', ['tlsCert', tlsCert])
  const { subjectAltName: names = '', validFromDate, validToDate: validTo } = x509
  return { cert, key, names, validTo, warnings: doubts(validFromDate, validTo) }
}

function readPem(name: FileKey, path: string | undefined): Buffer {
  if (path === undefined) throw wrong(expectation('the path of a file in PEM', env(name), path))
  return parsed(() => readFileSync(path), 'a file that can be read', [name, path])
}

function parsed<T>(parse: () => T, what: string, [name, path]: [FileKey, string | undefined]): T {
  try {
    return parse()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw wrong(`${expectation(what, env(name), path)}: ${why}`, cause)
  }
}

function doubts(validFrom: Date, validTo: Date): string[] {
  const now = Date.now()
  const of = `The certificate of ${env('tlsCert')}`
  if (validTo.getTime() < now) return [`${of} expired at ${validTo.toISOString()}: clients will refuse it`]
  if (validFrom.getTime() > now) return [`${of} is not valid before ${validFrom.toISOString()}`]
  return []
}

function env(name: FileKey): string {
  return settingInfo(name).env
}

function wrong(reason: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', { cause, reason })
}
