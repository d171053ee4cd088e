import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { Signer } from '@aws-sdk/rds-signer'
import { readSecret } from '../platform/secrets.ts'
import type { DatabaseConfig } from './config.ts'

/** An IAM token is valid for 15 minutes and checked only when a connection is made, so each new connection gets its own. */
const iamToken = async (url: URL): Promise<string> => {
  const signer = new Signer({
    hostname: url.hostname,
    port: Number(url.port || 5432),
    username: decodeURIComponent(url.username),
  })
  return signer.getAuthToken()
}

const secretPassword = async (arn: string | undefined): Promise<string> => {
  if (!arn) throw new Error('DATABASE_AUTH=secret needs DATABASE_SECRET_ARN')
  const { password } = JSON.parse(await readSecret(arn)) as { password: string }
  return password
}

/** What `pg` takes as the password: asked for each new connection. */
export const databasePassword = (config: DatabaseConfig): string | (() => Promise<string>) => {
  const url = new URL(config.DATABASE_URL)
  switch (config.DATABASE_AUTH) {
    case 'iam':
      return () => iamToken(url)
    case 'secret':
      return () => secretPassword(config.DATABASE_SECRET_ARN)
    case 'url':
      return decodeURIComponent(url.password)
  }
}

/**
 * RDS Proxy shows a certificate of a public authority, which Node knows. Aurora itself shows one of Amazon's RDS authorities,
 * which Node does not know, so they lie beside the bundle.
 */
export const databaseTls = (config: DatabaseConfig): ConnectionOptions | false => {
  switch (config.DATABASE_TLS) {
    case 'off':
      return false
    case 'public-ca':
      return { rejectUnauthorized: true }
    case 'rds-ca':
      return { rejectUnauthorized: true, ca: readFileSync(new URL('rds-ca.pem', import.meta.url), 'utf8') }
  }
}
