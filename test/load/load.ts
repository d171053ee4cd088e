/**
 * A realistic day in small, on a stack of its own: people come and go, write (80 % to one, 15 % to groups, 5 % in business chats),
 * type, read and send heartbeats. It shows latencies from the intended moment, queued jobs and memory as they go, and at the end
 * compares what everybody saw with what is stored. Fails when something was lost or doubled, when limits of rates, which are the
 * service's defaults, refused anything, or when connections, keys or memory are left (`day/growth.ts`): the same people live for a
 * minute before, and both the beginning and the end are looked at after a rest in which nobody is there.
 *
 * `npm run load -- [--users 2000] [--minutes 10]`
 */
import { runDay } from './day/run.ts'

await runDay({ users: '2000', minutes: '10' })
