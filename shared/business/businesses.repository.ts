import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { AssignmentStrategy, BusinessesTable, Database } from '../database/schema.ts'
import type { BusinessHours } from './hours.schema.ts'

export type BusinessRow = Selectable<BusinessesTable>

export const findBusiness = (db: Kysely<Database>, id: string): Promise<BusinessRow | undefined> =>
  db.selectFrom('businesses').selectAll().where('id', '=', id).executeTakeFirst()

const lockKnown = (trx: Transaction<Database>, id: string): Promise<BusinessRow | undefined> =>
  trx.selectFrom('businesses').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst()

/**
 * The business, made on first mention, and locked until the transaction ends: so whatever decides about its conversations comes
 * one after the other. To be the first lock of a transaction.
 */
export const lockBusiness = async (trx: Transaction<Database>, id: string, now: Date): Promise<BusinessRow> => {
  const known = await lockKnown(trx, id)
  if (known) return known
  await trx
    .insertInto('businesses')
    .values({ id, auto_reply: null, hours: null, created_at: now })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  const made = await lockKnown(trx, id)
  if (!made) throw new Error('The business was not stored')
  return made
}

export const setSettings = async (
  trx: Transaction<Database>,
  id: string,
  { strategy, autoReply }: { strategy: AssignmentStrategy; autoReply: string | null },
): Promise<void> => {
  await trx.updateTable('businesses').set({ strategy, auto_reply: autoReply }).where('id', '=', id).execute()
}

export const setHours = async (trx: Transaction<Database>, id: string, hours: BusinessHours): Promise<void> => {
  await trx
    .updateTable('businesses')
    .set({ hours: JSON.stringify(hours) })
    .where('id', '=', id)
    .execute()
}

/** The number of the next assignment: 1, 2, 3 … */
export const countAssignment = async (trx: Transaction<Database>, id: string): Promise<number> => {
  const { assignment_count } = await trx
    .updateTable('businesses')
    .set(eb => ({ assignment_count: eb('assignment_count', '+', 1) }))
    .where('id', '=', id)
    .returning('assignment_count')
    .executeTakeFirstOrThrow()
  return assignment_count
}

/**
 * Businesses, in the order of their ids, that the sweep has to look at: where somebody waits, or an agent has not answered.
 * Only those behind `after`.
 */
export const listUnsettled = async (
  db: Kysely<Database>,
  after: string | undefined,
  limit: number,
): Promise<string[]> => {
  const { rows } = await sql<{ id: string }>`
    select id from businesses
    where id > ${after ?? '00000000-0000-0000-0000-000000000000'}::uuid and (
      exists (select from business_conversations as c where c.business_id = businesses.id and c.status = 'queued')
      or exists (
        select from business_conversations as c
        where c.business_id = businesses.id and c.status = 'assigned' and c.answered_at is null
      )
    )
    order by id limit ${limit}`.execute(db)
  return rows.map(({ id }) => id)
}

/** Those in which somebody waits whom this agent might take. */
export const listWaitingFor = async (db: Kysely<Database>, agentId: string): Promise<string[]> => {
  const { rows } = await sql<{ id: string }>`
    select business_id as id from agents
    where agent_id = ${agentId}::uuid and is_available
      and exists (
        select from business_conversations as c where c.business_id = agents.business_id and c.status = 'queued'
      )`.execute(db)
  return rows.map(({ id }) => id)
}
