import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
  paginateQuery,
} from '@aws-sdk/client-dynamodb'
import { StoredEntry } from './audit.schema.ts'

export interface AuditTable {
  client: DynamoDBClient
  name: string
}

/** What an entry is found by. `service` has what nobody did to no conversation. */
export type Subject = `user#${string}` | `conversation#${string}` | `address#${string}` | 'service'

const keptForSeconds = 365 * 24 * 60 * 60

/** A frame may name a hundred conversations: an entry is not to cost more than it has to. It holds all of them. */
const mostConversations = 10

const subjectsOf = ({ userId, target = {}, others = [], address }: StoredEntry): Subject[] => {
  const users = [userId, target.userId, target.agentId, ...others].filter(id => id !== undefined)
  const subjects: Subject[] = users.map(id => `user#${id}` as const)
  const conversations = [target.conversationId, ...(target.conversationIds?.split(' ') ?? [])].filter(Boolean)
  subjects.push(...conversations.slice(0, mostConversations).map(id => `conversation#${id}` as const))
  if (address !== undefined) subjects.push(`address#${address}`)
  return subjects.length === 0 ? ['service'] : [...new Set(subjects)]
}

/**
 * Writes an entry down, once for everybody and every conversation that it is found by, for a year. Repeating it changes nothing:
 * what is there is never overwritten.
 */
export const storeEntry = async ({ client, name }: AuditTable, entry: StoredEntry): Promise<void> => {
  const store = async (subject: Subject): Promise<void> => {
    const item = {
      pk: { S: subject },
      sk: { S: `${entry.at}#${entry.id}` },
      expiresAt: { N: String(Math.floor(Date.parse(entry.at) / 1000) + keptForSeconds) },
      entry: { S: JSON.stringify(entry) },
    }
    try {
      const once = 'attribute_not_exists(pk)'
      await client.send(new PutItemCommand({ TableName: name, Item: item, ConditionExpression: once }))
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error
    }
  }
  await Promise.all(subjectsOf(entry).map(store))
}

/** The entries of a subject since then, oldest first. */
export async function* readEntries(
  { client, name }: AuditTable,
  subject: Subject,
  since = new Date(0),
): AsyncGenerator<StoredEntry> {
  const pages = paginateQuery(
    { client },
    {
      TableName: name,
      KeyConditionExpression: 'pk = :subject and sk >= :since',
      ExpressionAttributeValues: { ':subject': { S: subject }, ':since': { S: since.toISOString() } },
    },
  )
  for await (const { Items = [] } of pages) {
    for (const { entry } of Items) yield StoredEntry.parse(JSON.parse(entry?.S ?? ''))
  }
}
