import type { Kysely } from 'kysely'
import type { Database } from '../database/schema.ts'
import type { Clock } from '../platform/clock.ts'
import { listAgents } from './agents.repository.ts'
import type { BusinessPresence, BusinessSettings, BusinessStats } from './business.schema.ts'
import { findBusiness, setHours, setSettings } from './businesses.repository.ts'
import { canTakeOne } from './choose-agent.ts'
import type { BusinessHours, HoursStatus } from './hours.schema.ts'
import { hoursStatus } from './hours.ts'
import { candidateOf, isTaking } from './queue.ts'
import { agentFigures, businessFigures } from './stats.repository.ts'
import { type BusinessDeps, changeBusiness, onlineOf } from './turn.ts'

/** Of a business that has set none: always open, and nothing says so by the clock. */
const noHours: BusinessHours = { timezone: 'UTC', schedule: {}, holidays: [], specialHours: {}, enforced: false }

/** How a business gives out conversations from now on, and what it tells those who wait. Replaces both. */
export const changeSettings = async (
  deps: BusinessDeps,
  businessId: string,
  settings: BusinessSettings,
): Promise<BusinessSettings> => {
  await changeBusiness(deps, businessId, async turn => {
    await setSettings(turn.trx, businessId, settings)
    turn.business = { ...turn.business, strategy: settings.strategy }
  })
  return settings
}

export const getHours = async ({ db }: { db: Kysely<Database> }, businessId: string): Promise<BusinessHours> =>
  (await findBusiness(db, businessId))?.hours ?? noHours

/** Replaces the hours; whoever waits and may be taken now is given to an agent. */
export const changeHours = async (
  deps: BusinessDeps,
  businessId: string,
  hours: BusinessHours,
): Promise<BusinessHours> => {
  await changeBusiness(deps, businessId, async turn => {
    await setHours(turn.trx, businessId, hours)
    turn.business = { ...turn.business, hours }
  })
  return hours
}

/** By its hours, whether they are enforced or not. Without any it is always open. */
export const getHoursStatus = async (
  { db, clock }: { db: Kysely<Database>; clock: Clock },
  businessId: string,
): Promise<HoursStatus> => hoursStatus((await findBusiness(db, businessId))?.hours ?? null, clock.now())

/**
 * `online`: an agent could take a chat now; `away`: agents are there, but full, not available or out of hours; else `offline`.
 */
export const getBusinessPresence = async (deps: BusinessDeps, businessId: string): Promise<BusinessPresence> => {
  const [business, agents] = await Promise.all([findBusiness(deps.db, businessId), listAgents(deps.db, businessId)])
  const online = await onlineOf(
    deps,
    agents.map(agent => agent.agent_id),
  )
  if (!business || online.size === 0) return { status: 'offline', agentsOnline: 0 }
  const canTake = isTaking(business, deps.clock.now()) && agents.some(agent => canTakeOne(candidateOf(agent, online)))
  return { status: canTake ? 'online' : 'away', agentsOnline: online.size }
}

/** What the business and each of its agents have now and have had. Two statements. */
export const getStats = async ({ db }: { db: Kysely<Database> }, businessId: string): Promise<BusinessStats> => {
  const [figures, byAgent] = await Promise.all([businessFigures(db, businessId), agentFigures(db, businessId)])
  return { ...figures, agents: [...byAgent].map(([agentId, ofAgent]) => ({ agentId, ...ofAgent })) }
}
