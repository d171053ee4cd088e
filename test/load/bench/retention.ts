import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { v7 } from 'uuid'
import { invokeInStack } from '../../../infra/local/control.ts'
import { runningStack } from '../../../infra/local/running-stack.ts'
import { listPartitions } from '../../../shared/messages/partitions.ts'
import { retentionDays } from '../../../shared/messages/retention.ts'
import type { RetentionReport } from '../../../shared/messages/retention-job.ts'
import { lowestIdAt } from '../../../shared/platform/ids.ts'
import { messagesOf } from '../../support/stored-messages.ts'
import { atRate, conversationLoad } from './conversation-load.ts'
import { sealedLength } from './message-text.ts'
import { warmUpPairs } from './sends.ts'
import type { ServiceTarget } from './service-target.ts'
import type { Figures, Scenario } from './target.ts'

const perSecond = 200
/** More than the job purges in a second: so it runs for as long as messages come. */
const agedForEachSecond = 30_000
const chunk = 20_000
const dayMs = 24 * 60 * 60 * 1000
const pastDays = retentionDays.visible + retentionDays.audit
const agedDays = 30
const partition = 'messages_aged'
/** As many as a partition has in earnest: of few, Postgres would learn that it is quicker to read all of it. */
const agedConversations = 1_000

/**
 * Stores so many messages that were sent in the 30 days before those that are kept, oldest first, beside all that is there. Their
 * partition goes on to the first of the stack's, so it is purged row by row and never dropped.
 */
const storeAged = async (service: ServiceTarget, count: number): Promise<void> => {
  const senderId = randomUUID()
  const conversationIds = Array.from({ length: agedConversations }, () => randomUUID())
  const end = Date.now() - pastDays * dayMs
  const sentAt = Array.from({ length: count }, (_, index) => new Date(end - agedDays * dayMs * (1 - index / count)))
  const { db } = await messagesOf(service.stack)
  try {
    const partitions = await listPartitions(db)
    if (!partitions.some(({ name }) => name === partition)) {
      const from = sql.lit(lowestIdAt(new Date(end - 2 * agedDays * dayMs)))
      const to = sql.lit(lowestIdAt(partitions[0]?.from ?? new Date()))
      await sql`create table ${sql.table(partition)} (like messages including all)`.execute(db)
      await sql`alter table messages attach partition ${sql.table(partition)} for values from (${from}) to (${to})`.execute(
        db,
      )
    }
    for (let start = 0; start < count; start += chunk) {
      const some = sentAt.slice(start, start + chunk)
      const ids = some.map(time => v7({ msecs: time.getTime() }))
      await sql`
        insert into messages (id, conversation_id, seq, sender_id, type, key_id, body, sent_at)
        select id, (${conversationIds}::uuid[])[1 + (n % ${agedConversations})::int], ${start}::int + n, ${senderId}::uuid, 'text', 1, decode(repeat('ab', ${sealedLength}), 'hex'), at
        from unnest(${ids}::uuid[], ${some}::timestamptz[]) with ordinality as aged (id, at, n)`.execute(db)
    }
    await sql`vacuum analyze ${sql.table(partition)}`.execute(db)
  } finally {
    await db.destroy()
  }
}

const countAged = async (service: ServiceTarget): Promise<number> => {
  const { db } = await messagesOf(service.stack)
  try {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${sql.table(partition)}`.execute(
      db,
    )
    return rows[0]?.count ?? Number.NaN
  } finally {
    await db.destroy()
  }
}

/** Runs the function itself, in the stack; throws unless it did all that was due. */
const runJob = async (service: ServiceTarget): Promise<{ purged: number; seconds: number }> => {
  const stack = await runningStack(service.stack.directory)
  if (!stack?.control) throw new Error('The stack takes no orders')
  const { payload, durationMs, errorMessage } = await invokeInStack(stack.control, 'RetentionFunction', {})
  const report = payload as RetentionReport | undefined
  if (!report?.finished) throw new Error(`The retention job did not end its work: ${errorMessage ?? 'time ran out'}`)
  return { purged: report.purged, seconds: durationMs / 1_000 }
}

const named = (prefix: string, figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}: ${name}`, value]))

/** Messages at a fixed rate beside 1,000,000 that stay: without the retention job, then while it purges others. */
export const retentionScenario = (service: ServiceTarget, seconds: number): Scenario => ({
  name: `retention beside traffic, ${perSecond}/s, 50 pairs`,
  targets: ['service'],
  warmUp: warmUpPairs,
  run: async target => {
    await target.filled()
    const aged = agedForEachSecond * seconds
    await storeAged(service, aged)
    const traffic = () => conversationLoad(target, { rooms: 50, size: 2 }, atRate(perSecond, seconds))
    const alone = await traffic()
    let job: ReturnType<typeof runJob> | undefined
    const beside = await conversationLoad(target, { rooms: 50, size: 2 }, async (rooms, send) => {
      job = runJob(service)
      // Awaited below, when the messages are through.
      job.catch(() => {})
      await atRate(perSecond, seconds)(rooms, send)
    })
    const done = await job
    const left = await countAged(service)
    if (!done || done.purged < aged || left > 0)
      throw new Error(`${done?.purged} of ${aged} were purged, ${left} are left`)
    const ratio = (name: string) => (beside[name] ?? Number.NaN) / (alone[name] ?? Number.NaN)
    return {
      ...named('without', alone),
      ...named('with', beside),
      'delivered p50, with / without': ratio('delivered p50 ms'),
      'delivered p99, with / without': ratio('delivered p99 ms'),
      'messages purged': done.purged,
      'the job took s': done.seconds,
    }
  },
})
