import { Duration } from 'aws-cdk-lib'
import type { IVpc } from 'aws-cdk-lib/aws-ec2'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { TableDefinition } from '../topology.ts'
import { Cache } from './cache.ts'
import { Database } from './database.ts'
import type { Options } from './options.ts'
import type { StageSettings } from './stages.ts'
import { Tables } from './tables.ts'

export interface DataProps {
  readonly vpc: IVpc
  readonly tables: Readonly<Record<string, TableDefinition>>
  readonly options: Options
  readonly settings: StageSettings
}

/** Every store of the service, encrypted with one key of its own. */
export class Data extends Construct {
  readonly database: Database
  readonly cache: Cache
  readonly tables: Tables

  constructor(scope: Construct, id: string, { vpc, tables, options, settings }: DataProps) {
    super(scope, id)
    const key = new Key(this, 'Key', {
      description: `kaha-chat ${options.stage}: storage of Aurora, Valkey and DynamoDB`,
      enableKeyRotation: true,
      pendingWindow: settings.protected ? Duration.days(30) : Duration.days(7),
      removalPolicy: settings.removal,
    })
    this.database = new Database(this, 'Database', { vpc, key, stage: options.stage, settings, proxy: options.proxy })
    this.cache = new Cache(this, 'Cache', { vpc, key, stage: options.stage, settings })
    this.tables = new Tables(this, 'Tables', { definitions: tables, key, settings })
  }
}
