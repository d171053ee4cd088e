import { type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { AgentsTable, Database } from '../database/schema.ts'

export type AgentRow = Selectable<AgentsTable>
/** An agent with the number of open conversations that they have. */
export type LoadedAgent = AgentRow & { load: number }

export const findAgent = (db: Kysely<Database>, businessId: string, agentId: string): Promise<AgentRow | undefined> =>
  db
    .selectFrom('agents')
    .selectAll()
    .where('business_id', '=', businessId)
    .where('agent_id', '=', agentId)
    .executeTakeFirst()

export const listAgentIds = async (db: Kysely<Database>, businessId: string): Promise<string[]> => {
  const rows = await db.selectFrom('agents').select('agent_id').where('business_id', '=', businessId).execute()
  return rows.map(row => row.agent_id)
}

export interface AgentPosition {
  addedAt: Date
  agentId: string
}

/** The agents of a business in the order in which they were added; those behind a position, and at most `limit`, if given. */
export const listAgents = async (
  db: Kysely<Database>,
  businessId: string,
  { behind, limit }: { behind?: AgentPosition | undefined; limit?: number } = {},
): Promise<LoadedAgent[]> => {
  const { rows } = await sql<LoadedAgent>`
    select agents.*, (
      select count(*) from business_conversations as c
      where c.business_id = agents.business_id and c.agent_id = agents.agent_id and c.status = 'assigned'
    ) as load
    from agents
    where business_id = ${businessId}::uuid and (
      ${behind?.addedAt ?? null}::timestamptz is null
      or (added_at, agent_id) > (${behind?.addedAt ?? null}::timestamptz, ${behind?.agentId ?? null}::uuid)
    )
    order by added_at, agent_id
    limit ${limit ?? null}`.execute(db)
  return rows
}

/** Stores an agent; false when they are one already. */
export const insertAgent = async (
  trx: Transaction<Database>,
  businessId: string,
  agentId: string,
  now: Date,
): Promise<boolean> => {
  const made = await trx
    .insertInto('agents')
    .values({ business_id: businessId, agent_id: agentId, added_at: now })
    .onConflict(conflict => conflict.doNothing())
    .returning('agent_id')
    .executeTakeFirst()
  return made !== undefined
}

/** False when there is no such agent. */
export const deleteAgent = async (
  trx: Transaction<Database>,
  businessId: string,
  agentId: string,
): Promise<boolean> => {
  const deleted = await trx
    .deleteFrom('agents')
    .where('business_id', '=', businessId)
    .where('agent_id', '=', agentId)
    .returning('agent_id')
    .executeTakeFirst()
  return deleted !== undefined
}

/** False when there is no such agent. */
export const updateAgent = async (
  trx: Transaction<Database>,
  businessId: string,
  agentId: string,
  change: Partial<Pick<AgentRow, 'max_concurrent_chats' | 'skills' | 'is_available' | 'last_assignment'>>,
): Promise<boolean> => {
  const updated = await trx
    .updateTable('agents')
    .set(change)
    .where('business_id', '=', businessId)
    .where('agent_id', '=', agentId)
    .returning('agent_id')
    .executeTakeFirst()
  return updated !== undefined
}
