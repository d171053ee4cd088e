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

/** By agent: what they have and have had at its end, and how fast they were where they answered first. Two passes in all. */
export const agentFigures = async (db: Kysely<Database>, businessId: string): Promise<Map<string, Figures>> => {
  const { rows } = await sql<Figures & { agentId: string }>`
    with had as (
      select agent_id,
        count(*) filter (where status = 'assigned') as assigned, count(*) filter (where status = 'closed') as closed
      from business_conversations where business_id = ${businessId}::uuid group by agent_id
    ), answered as (
      select first_response_by as agent_id, ${median} as seconds
      from business_conversations where business_id = ${businessId}::uuid group by first_response_by
    )
    select agents.agent_id as "agentId", coalesce(had.assigned, 0) as assigned, coalesce(had.closed, 0) as closed,
      answered.seconds as "medianFirstResponseSeconds"
    from agents left join had using (agent_id) left join answered using (agent_id)
    where agents.business_id = ${businessId}::uuid
    order by added_at, agent_id`.execute(db)
  return new Map(rows.map(({ agentId, ...figures }) => [agentId, figures]))
}
