import { join } from 'node:path'
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, test } from '@jest/globals'
import { localDynamoDbClient, startDynamoDb } from '../../../infra/local/stores/dynamodb.ts'
import { temporaryDirectory } from './temporary-directory.ts'

describe('DynamoDB of the local host', () => {
  test('has the tables of the topology, and their items still after a restart', async () => {
    const options = {
      directory: join(await temporaryDirectory(), 'dynamodb'),
      tables: { Audit: { partitionKey: 'pk', sortKey: 'sk', timeToLive: 'expiresAt' } },
    }
    const key = { pk: { S: 'user#1' }, sk: { S: '2026' } }

    const first = await startDynamoDb(options)
    await localDynamoDbClient(first.url).send(
      new PutItemCommand({ TableName: 'Audit', Item: { ...key, action: { S: 'sign-in' } } }),
    )
    expect(first.units.dynamoDbWrites).toBe(1)
    await first.stop()

    const second = await startDynamoDb(options)
    const { Item } = await localDynamoDbClient(second.url).send(new GetItemCommand({ TableName: 'Audit', Key: key }))
    expect(Item?.action).toEqual({ S: 'sign-in' })
    await second.stop()
  })
})
