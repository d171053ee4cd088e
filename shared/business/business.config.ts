import * as z from 'zod/mini'
import { readConfig } from '../platform/config.ts'
import { Seconds } from '../platform/seconds.ts'

const BusinessConfig = z.object({
  /** How long an agent may be offline before what they have not answered goes to somebody else. */
  AGENT_GRACE_SECONDS: z._default(Seconds, 120),
})

export const agentGraceMsFromEnvironment = (): number => readConfig(BusinessConfig).AGENT_GRACE_SECONDS * 1_000
