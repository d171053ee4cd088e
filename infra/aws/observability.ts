import { Validations } from 'aws-cdk-lib'
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import type { StageSettings } from './stages.ts'

/** A log group that forgets after the stage's retention; every log of the stack goes to one of these. */
export const createLogGroup = (scope: Construct, id: string, settings: StageSettings): LogGroup =>
  new LogGroup(scope, id, { retention: settings.logRetention, removalPolicy: settings.removal })

/**
 * The key that ids are masked with in the logs of functions. It gives access to nothing, and must be there before a function's first
 * line, also where there is no client of Secrets Manager: so it stands in the functions' environment, where the deployment puts it.
 */
export const createLogMaskKey = (scope: Construct, settings: StageSettings): Secret => {
  const secret = new Secret(scope, 'LogMaskKey', {
    description: 'kaha-chat: masks ids in logs',
    generateSecretString: { passwordLength: 43, excludePunctuation: true },
    removalPolicy: settings.removal,
  })
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason: 'Masks change each day by themselves; with another key nobody could find the lines of the days before.',
  })
  return secret
}

const jsonFormat = (fields: Record<string, string>): AccessLogFormat =>
  AccessLogFormat.custom(
    JSON.stringify(Object.fromEntries(Object.entries(fields).map(([key, name]) => [key, `$context.${name}`]))),
  )

/**
 * One line for each HTTP request. Only fields that are named here are written: no query string, no header but the browser's
 * name, and the route instead of the path.
 */
export const httpAccessLogFormat = jsonFormat({
  requestId: 'requestId',
  time: 'requestTimeEpoch',
  ip: 'identity.sourceIp',
  userAgent: 'identity.userAgent',
  route: 'routeKey',
  status: 'status',
  responseBytes: 'responseLength',
  latencyMs: 'responseLatency',
  integrationLatencyMs: 'integrationLatency',
  integrationStatus: 'integrationStatus',
  integrationError: 'integrationErrorMessage',
})

/**
 * One line for each handshake, frame and close. The handshake's query string holds the token, so nothing of the request is
 * written but its route; `requestId` and `connectionId` lead to the lines of the functions.
 */
export const webSocketAccessLogFormat = jsonFormat({
  requestId: 'requestId',
  time: 'requestTimeEpoch',
  ip: 'identity.sourceIp',
  connectionId: 'connectionId',
  event: 'eventType',
  route: 'routeKey',
  status: 'status',
  integrationLatencyMs: 'integrationLatency',
  integrationStatus: 'integrationStatus',
  integrationError: 'integrationErrorMessage',
  error: 'error.message',
})
