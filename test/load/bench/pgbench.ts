import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { sealedLength } from './message-text.ts'
import type { ServiceTarget } from './service-target.ts'
import type { Scenario } from './target.ts'

const run = promisify(execFile)
const clients = 8

const findPgbench = (): string | undefined =>
  ['/usr/bin/pgbench', ...globSync('/usr/lib/postgresql/*/bin/pgbench')].find(path => existsSync(path))

/** The statement of a send alone, by Postgres' own load generator: what the database does with nobody in between. */
export const pgbenchScenario = (service: ServiceTarget, seconds: number): Scenario[] => {
  const pgbench = findPgbench()
  if (!pgbench) {
    console.log('pgbench is not installed (Debian: postgresql-contrib); its reference is left out')
    return []
  }
  return [
    {
      name: `pgbench, the send statement, ${clients} clients`,
      targets: ['service'],
      run: async () => {
        const database = new pg.Client({ connectionString: service.stack.outputs.DatabaseUrl })
        await database.connect()
        const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-pgbench-'))
        try {
          const sender = randomUUID()
          const ids = Array.from({ length: 50 }, () => randomUUID())
          await database.query('insert into users (id, created_at) values ($1, now())', [sender])
          await database.query(
            `insert into conversations (id, type, created_by, created_at, last_activity_at)
              select unnest($1::uuid[]), 'group', $2, now(), now()`,
            [ids, sender],
          )
          await database.query(
            `insert into participants (conversation_id, user_id, role, joined_at, joined_seq, last_read_seq, last_delivered_seq)
              select unnest($1::uuid[]), $2, 'member', now(), 0, 0, 0`,
            [ids, sender],
          )
          const script = join(directory, 'send.sql')
          await writeFile(script, sendStatement(ids, sender))
          const before = service.processorTime()
          const { stdout } = await run(
            pgbench,
            [
              '-n',
              '-f',
              script,
              '-c',
              String(clients),
              '-j',
              '2',
              '-T',
              String(seconds),
              '-M',
              'prepared',
              service.stack.outputs.DatabaseUrl,
            ],
            { timeout: (seconds + 30) * 1_000 },
          )
          const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
          const { postgres } = service.processorTime()
          return {
            'messages/s': perSecond,
            'Postgres CPU s/1,000': ((postgres - before.postgres) * 1_000) / (perSecond * seconds),
          }
        } finally {
          await database.end()
          await rm(directory, { recursive: true, force: true })
        }
      },
    },
  ]
}

/** pgbench has numbers only, so the conversation is chosen from a list within the statement. */
const sendStatement = (ids: readonly string[], sender: string): string => `\\set number random(1, ${ids.length})
select * from send_message(
  p_id => uuidv7(), p_conversation_id => ('{${ids.join(',')}}'::uuid[])[:number], p_sender_id => '${sender}', p_type => 'text',
  p_key_id => 1, p_body => decode(repeat('ab', ${sealedLength}), 'hex'), p_now => now()
);
`
