import { type Kysely, sql } from 'kysely'
import type { Database } from '../../shared/database/schema.ts'

/** What a business conversation became. In the order of commits: the decisions of a business come one after the other. */
export interface Change {
  conversationId: string
  status: 'queued' | 'assigned' | 'closed'
  agentId: string | null
}

/** From now on every change of a business conversation is kept, as it is committed. For a database of one's own. */
export const keepHistory = async (db: Kysely<Database>): Promise<void> => {
  await sql`
    create table assignment_history (
      number bigserial primary key, business_id uuid, conversation_id uuid, status text, agent_id uuid
    )`.execute(db)
  await sql`
    create function keep_assignment() returns trigger language plpgsql as $$
    begin
      insert into assignment_history (business_id, conversation_id, status, agent_id)
        values (new.business_id, new.conversation_id, new.status, new.agent_id);
      return null;
    end
    $$`.execute(db)
  await sql`
    create trigger keep_assignment after insert or update of status, agent_id on business_conversations
      for each row execute function keep_assignment()`.execute(db)
}

export const historyOf = async (db: Kysely<Database>, businessId: string): Promise<Change[]> => {
  const { rows } = await sql<Change>`
    select conversation_id as "conversationId", status, agent_id as "agentId" from assignment_history
    where business_id = ${businessId}::uuid order by number`.execute(db)
  return rows
}

export interface GivenOut {
  conversationId: string
  agentId: string
  /** How many each agent had just before. */
  loads: ReadonlyMap<string, number>
}

/** Goes through a history: each assignment with what everybody had at that moment, and the most that anybody ever had. */
export const replayHistory = (
  history: readonly Change[],
  agentIds: readonly string[],
): { given: GivenOut[]; mostEver: number; loads: ReadonlyMap<string, number> } => {
  const holders = new Map<string, string>()
  const loads = new Map(agentIds.map(agentId => [agentId, 0]))
  const given: GivenOut[] = []
  let mostEver = 0
  for (const { conversationId, status, agentId } of history) {
    const holder = holders.get(conversationId)
    if (holder !== undefined) loads.set(holder, (loads.get(holder) ?? 0) - 1)
    holders.delete(conversationId)
    if (status !== 'assigned' || agentId === null) continue
    given.push({ conversationId, agentId, loads: new Map(loads) })
    holders.set(conversationId, agentId)
    loads.set(agentId, (loads.get(agentId) ?? 0) + 1)
    mostEver = Math.max(mostEver, loads.get(agentId) ?? 0)
  }
  return { given, mostEver, loads }
}
