import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { validate } from 'uuid'
import { type AuditTable, readEntries, type Subject } from '../../shared/audit/audit-table.ts'
import { localDirectory } from './local-directory.ts'
import { runningStack } from './running-stack.ts'
import { localDynamoDbClient } from './stores/dynamodb.ts'

const usage =
  'npm run audit -- --user <uuid> | --conversation <uuid> | --address <ip> | --service [--since <time>] [--table <name> | --outputs <file>]'

/** The audit table of a stack that was deployed, by what `cdk deploy --outputs-file` wrote. */
const tableIn = async (file: string): Promise<string> => {
  const outputs = JSON.parse(await readFile(file, 'utf8')) as Record<string, { AuditTableName?: string }>
  const [name] = Object.values(outputs).flatMap(({ AuditTableName }) => AuditTableName ?? [])
  if (!name) throw new Error(`${file} names no AuditTableName`)
  return name
}

/** On AWS by the credentials and the region of the environment; else that of the stack that runs here. */
const tableOf = async ({ table, outputs }: { table?: string; outputs?: string }): Promise<AuditTable> => {
  const name = table ?? (outputs && (await tableIn(outputs)))
  if (name) return { client: new DynamoDBClient(), name }
  const directory = localDirectory()
  const stack = await runningStack(directory)
  if (!stack?.dynamoDbUrl) throw new Error(`No stack runs in ${directory.path}. Start one, or name a table`)
  return { client: localDynamoDbClient(stack.dynamoDbUrl), name: 'Audit' }
}

const subjectOf = (given: { user?: string; conversation?: string; address?: string; service?: boolean }): Subject => {
  const { user, conversation, address, service } = given
  if (Object.keys(given).length !== 1) {
    throw new Error('Ask for one user, one conversation, one address, or for the service itself')
  }
  if (service) return 'service'
  if (address !== undefined) return `address#${address}`
  const id = user ?? conversation ?? ''
  if (!validate(id)) throw new Error(`Not a UUID: ${id}`)
  return `${user === undefined ? 'conversation' : 'user'}#${id.toLowerCase()}`
}

const timeOf = (text: string): Date => {
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw new Error(`Not a time: ${text}`)
  return time
}

/** Prints entries as JSON, one a line, oldest first. */
const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      user: { type: 'string' },
      conversation: { type: 'string' },
      address: { type: 'string' },
      service: { type: 'boolean' },
      since: { type: 'string' },
      table: { type: 'string' },
      outputs: { type: 'string' },
    },
  })
  const { since, table, outputs, ...subject } = values
  const from = since === undefined ? undefined : timeOf(since)
  const wanted = subjectOf(subject)
  const source = await tableOf({ ...(table && { table }), ...(outputs && { outputs }) })
  for await (const entry of readEntries(source, wanted, from)) console.log(JSON.stringify(entry))
}

main().catch((error: Error) => {
  console.error(`${error.message}\n${usage}`)
  process.exitCode = 1
})
