// Certificates of no authority, made for the tests that need some.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export interface Issued {
  readonly cert: string
  readonly key: string
}

/** Makes a certificate for this machine and its key in the folder, valid for two days.
 *  @param name  of the files, and the certificate's own */
export function issue(folder: string, name = 'tv'): Issued {
  const files = { cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key]
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...key, '-out', files.cert, '-days', '2', ...names], {
    stdio: 'ignore',
  })
  return files
}
