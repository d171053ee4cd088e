import { metricNamespace, serviceName } from '../../shared/platform/metric-catalogue.ts'
import { environmentName } from '../aws/environment-name.ts'
import type { FunctionDefinition, Resource } from '../topology.ts'

/** What the stack's functions reach, and by which secret. */
export interface StackFacts {
  readonly databaseUrl: string
  readonly redisUrl: string
  /** `http://127.0.0.1:port` */
  readonly connectionsUrl: string
  /** `ws://127.0.0.1:port` */
  readonly webSocketUrl: string
  readonly dynamoDbUrl: string
  readonly queueUrl: (name: string) => string
  readonly jwtSecret: string
  readonly profileApi: { readonly url: string; readonly token: string }
  readonly serviceToken: string
  /** Wraps the data keys of messages. */
  readonly contentMasterKey: string
  readonly logMaskKey: string
  /** Settings that every function gets besides, by the names that they have on AWS. */
  readonly settings: Readonly<Record<string, string>>
}

const variablesOf = (resource: Resource, facts: StackFacts): Record<string, string> => {
  switch (resource) {
    // One machine has one login: its data is nobody else's.
    case 'database':
    case 'database:maintenance':
    case 'database:owner':
      return {
        DATABASE_URL: facts.databaseUrl,
        DATABASE_AUTH: 'url',
        DATABASE_TLS: 'off',
        DATABASE_POOL_MAX: '10',
        DATABASE_STATEMENTS: 'named',
      }
    case 'redis':
      return { REDIS_URL: facts.redisUrl }
    case 'connections':
      return { WEBSOCKET_API_ENDPOINT: facts.connectionsUrl }
    case 'content-keys':
    case 'content-keys:rotation':
      return { CONTENT_MASTER_KEY: facts.contentMasterKey }
    case 'socket-url':
      return { WEBSOCKET_URL: facts.webSocketUrl }
    case 'tokens':
      return { JWT_SECRET: facts.jwtSecret }
    case 'profiles':
      return { PROFILE_API_URL: facts.profileApi.url, PROFILE_API_TOKEN: facts.profileApi.token }
    case 'service-token':
      return { SERVICE_TOKEN: facts.serviceToken }
  }
  const [kind, name = ''] = resource.split(':')
  return kind === 'queue'
    ? { [environmentName(name, 'QUEUE_URL')]: facts.queueUrl(name) }
    : { [environmentName(name, 'TABLE_NAME')]: name, AWS_ENDPOINT_URL_DYNAMODB: facts.dynamoDbUrl }
}

/** A function's environment variables on one machine: the same names as on AWS, by what it uses. */
export const functionVariables = (definition: FunctionDefinition, facts: StackFacts): Record<string, string> => ({
  STAGE: 'local',
  LOG_LEVEL: 'INFO',
  LOG_MASK_KEY: facts.logMaskKey,
  POWERTOOLS_SERVICE_NAME: serviceName,
  POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
  ...facts.settings,
  ...Object.fromEntries(definition.uses.flatMap(resource => Object.entries(variablesOf(resource, facts)))),
})
