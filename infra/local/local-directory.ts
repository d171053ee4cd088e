import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where one stack keeps everything it makes. */
export interface LocalDirectory {
  readonly path: string
  readonly postgres: string
  readonly redis: string
  readonly dynamoDb: string
  readonly functions: string
  readonly logs: string
  readonly outputs: string
  readonly jwtSecret: string
  readonly serviceToken: string
  readonly profileApiToken: string
  /** The key without which the messages in the database can't be read. */
  readonly contentMasterKey: string
  readonly logMaskKey: string
  /** Who runs here; it holds secrets. */
  readonly running: string
}

export const localDirectoryAt = (path: string): LocalDirectory => ({
  path,
  postgres: join(path, 'postgres'),
  redis: join(path, 'redis'),
  dynamoDb: join(path, 'dynamodb'),
  functions: join(path, 'functions'),
  logs: join(path, 'logs'),
  outputs: join(path, 'outputs.json'),
  jwtSecret: join(path, 'jwt-secret'),
  serviceToken: join(path, 'service-token'),
  profileApiToken: join(path, 'profile-api-token'),
  contentMasterKey: join(path, 'content-master-key'),
  logMaskKey: join(path, 'log-mask-key'),
  running: join(path, 'running.json'),
})

/** `LOCAL_DIR` (from the root of the repository), by default `.local`. */
export const localDirectory = (environment = process.env): LocalDirectory =>
  localDirectoryAt(resolve(repository, environment.LOCAL_DIR || '.local'))
