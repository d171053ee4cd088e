import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/schema.ts'

export interface Figures {
  assigned: number
  closed: number
  medianFirstResponseSeconds: number | null
}

export const noFigures: Figures = { assigned: 0, closed: 0, medianFirstResponseSeconds: null }

/** Seconds from the opening to the first response; of those that have none yet, nothing. */
const median = sql<number | null>`
  percentile_cont(0.5) within group (order by extract(epoch from first_response_at - opened_at))
    filter (where first_response_at is not null)`

/** Of all conversations that the business has ever had. */
export const businessFigures = async (
  db: Kysely<Database>,
  businessId: string,
): Promise<Figures & { queued: number }> => {
  const { rows } = await sql<Figures & { queued: number }>`
    select
      count(*) filter (where status = 'queued') as queued,
      count(*) filter (where status = 'assigned') as assigned,
      count(*) filter (where status = 'closed') as closed,
      ${median} as "medianFirstResponseSeconds"
    from business_conversations where business_id = ${businessId}::uuid`.execute(db)
  return rows[0] ?? { ...noFigures, queued: 0 }
}

/** By agent: what they have and have had at its end, and how fast they were where they answered first. */
export const agentFigures = async (db: Kysely<Database>, businessId: string): Promise<Map<string, Figures>> => {
  const { rows } = await sql<Figures & { agentId: string }>`
    select agents.agent_id as "agentId",
      (
        select count(*) from business_conversations as c
        where c.business_id = agents.business_id and c.agent_id = agents.agent_id and c.status = 'assigned'
      ) as assigned,
      (
        select count(*) from business_conversations as c
        where c.business_id = agents.business_id and c.agent_id = agents.agent_id and c.status = 'closed'
      ) as closed,
      (
        select ${median} from business_conversations as c
        where c.business_id = agents.business_id and c.first_response_by = agents.agent_id
      ) as "medianFirstResponseSeconds"
    from agents where business_id = ${businessId}::uuid
    order by added_at, agent_id`.execute(db)
  return new Map(rows.map(({ agentId, ...figures }) => [agentId, figures]))
}
