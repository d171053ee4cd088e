import type { HttpApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import type { Table } from 'aws-cdk-lib/aws-dynamodb'
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import type { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Topology } from '../topology.ts'
import type { Database } from './database.ts'
import type { Queues } from './queues.ts'
import type { StageName, StageSettings } from './stages.ts'

/** What dashboard and alarms look at. */
export interface MonitoredStack {
  readonly stage: StageName
  readonly settings: StageSettings
  readonly topology: Topology
  readonly functions: Readonly<Record<string, LambdaFunction>>
  readonly queues: Queues
  readonly schedules: ScheduleGroup
  readonly scheduleDeadLetters: Queue
  readonly eventDeadLetters: Queue
  readonly httpApi: HttpApi
  readonly webSocketStage: WebSocketStage
  readonly database: Database
  readonly cacheName: string
  readonly tables: Readonly<Record<string, Table>>
}
