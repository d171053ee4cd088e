/**
 * The day of `npm run load` with an outage every few minutes: Redis is killed and frozen, Postgres and the host are killed, SQS
 * and the main service fail. Latencies and late messages include the outages. It fails when what everybody saw in the end is not what
 * is stored, or something that was accepted is not, and for all that makes the day without outages fail.
 *
 * `npm run soak -- [--users 200] [--minutes 60]`
 */
import { causeOutages } from './day/outages.ts'
import { runDay } from './day/run.ts'

await runDay({ users: '200', minutes: '60' }, (stack, minutes) => causeOutages(stack, minutes, console.log))
