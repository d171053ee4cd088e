import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import {
  CreateTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import dynalite from 'dynalite'
import type { TableDefinition } from '../../topology.ts'

/** What DynamoDB would bill. A plain counter that only grows. */
export interface DynamoDbUnits {
  /** Items that were put: one of up to 1 KB is a unit, and none of ours is larger. */
  dynamoDbWrites: number
}

export interface LocalDynamoDb {
  readonly url: string
  readonly units: DynamoDbUnits
  stop(): Promise<void>
}

export const localDynamoDbClient = (url: string): DynamoDBClient =>
  new DynamoDBClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })

const createTable = async (client: DynamoDBClient, name: string, table: TableDefinition): Promise<void> => {
  const keys = [
    { name: table.partitionKey, type: 'HASH' as const },
    { name: table.sortKey, type: 'RANGE' as const },
  ]
  try {
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: keys.map(key => ({ AttributeName: key.name, AttributeType: 'S' })),
        KeySchema: keys.map(key => ({ AttributeName: key.name, KeyType: key.type })),
      }),
    )
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
  await waitUntilTableExists({ client, minDelay: 1, maxDelay: 1, maxWaitTime: 10 }, { TableName: name })
}

/**
 * DynamoDB on 127.0.0.1, in this process, with the tables given; `directory` keeps their items. Items do not expire: dynalite
 * has no time to live.
 */
export const startDynamoDb = async ({
  directory,
  tables,
}: {
  directory: string
  tables: Readonly<Record<string, TableDefinition>>
}): Promise<LocalDynamoDb> => {
  await mkdir(directory, { recursive: true })
  const server = dynalite({ path: directory, createTableMs: 0 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const units: DynamoDbUnits = { dynamoDbWrites: 0 }
  server.on('request', request => {
    if (String(request.headers['x-amz-target']).endsWith('.PutItem')) units.dynamoDbWrites += 1
  })
  const stop = async () => {
    server.closeAllConnections()
    await new Promise<void>(resolve => server.close(() => resolve()))
  }
  const client = localDynamoDbClient(url)
  try {
    await Promise.all(Object.entries(tables).map(([name, table]) => createTable(client, name, table)))
  } catch (error) {
    await stop()
    throw error
  } finally {
    client.destroy()
  }
  return { url, units, stop }
}
