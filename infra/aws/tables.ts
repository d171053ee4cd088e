import { Stack, Validations } from 'aws-cdk-lib'
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { TableDefinition } from '../topology.ts'
import type { Access } from './access.ts'
import { environmentName } from './environment-name.ts'
import type { StageSettings } from './stages.ts'

export interface TablesProps {
  readonly definitions: Readonly<Record<string, TableDefinition>>
  readonly key: IKey
  readonly settings: StageSettings
}

/** The topology's DynamoDB tables. They are records: a function may add items, but neither read, update nor delete them. */
export class Tables extends Construct {
  readonly access: Readonly<Record<string, Access>>
  /** By the names that the topology gives them. */
  readonly tables: Readonly<Record<string, Table>>

  constructor(scope: Construct, id: string, { definitions, key, settings }: TablesProps) {
    super(scope, id)
    this.tables = Object.fromEntries(
      Object.entries(definitions).map(([name, definition]) => {
        // Not TableV2: that one takes a key of ours only in a stack that names its region.
        const table = new Table(this, name, {
          partitionKey: { name: definition.partitionKey, type: AttributeType.STRING },
          sortKey: { name: definition.sortKey, type: AttributeType.STRING },
          timeToLiveAttribute: definition.timeToLive,
          billingMode: BillingMode.PAY_PER_REQUEST,
          encryption: TableEncryption.CUSTOMER_MANAGED,
          encryptionKey: key,
          pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: settings.protected },
          deletionProtection: settings.protected,
          removalPolicy: settings.removal,
        })
        if (!settings.protected) {
          Validations.of(table).acknowledge({
            id: 'AwsSolutions-DDB3',
            reason: 'A dev stage is disposable; prod has point-in-time recovery.',
          })
        }
        return [name, table]
      }),
    )
    this.access = Object.fromEntries(
      Object.entries(this.tables).map(([name, table]) => [name, tableAccess(name, table, key)]),
    )
  }
}

const tableAccess = (name: string, table: Table, key: IKey): Access => ({
  environment: { [environmentName(name, 'TABLE_NAME')]: table.tableName },
  securityGroups: [],
  grantTo: role => {
    table.grant(role, 'dynamodb:PutItem')
    role.addToPolicy(
      new PolicyStatement({
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:GenerateDataKey'],
        resources: [key.keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `dynamodb.${Stack.of(table).region}.amazonaws.com` } },
      }),
    )
  },
})
