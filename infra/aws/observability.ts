import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { StageSettings } from './stages.ts'

/** A log group that forgets after the stage's retention; every log of the stack goes to one of these. */
export const createLogGroup = (scope: Construct, id: string, settings: StageSettings): LogGroup =>
  new LogGroup(scope, id, { retention: settings.logRetention, removalPolicy: settings.removal })

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
 * written but its route; `connectionId` leads to the user in the functions' logs.
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
