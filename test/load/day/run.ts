import { parseArgs } from 'node:util'
import { liveOneDay } from './day.ts'
import { type HostedStack, startHostedStack } from './hosted.ts'
import { complaintsAbout, summaryOf } from './report.ts'

const fewestUsers = 20

/** Lives one day on a stack of its own, shows it on the console, and ends the process: with 1 when something is wrong with it. */
export const runDay = async (
  defaults: { users: string; minutes: string },
  trouble?: (stack: HostedStack, minutes: number) => Promise<void>,
): Promise<never> => {
  const { values } = parseArgs({
    options: {
      users: { type: 'string', default: defaults.users },
      minutes: { type: 'string', default: defaults.minutes },
    },
  })
  const [users, minutes] = [Number(values.users), Number(values.minutes)]
  if (!(users >= fewestUsers && minutes > 0)) throw new Error(`It takes ${fewestUsers} users, and some time`)
  const stack = await startHostedStack()
  try {
    const day = await liveOneDay(stack, { users, minutes }, console.log, trouble && (() => trouble(stack, minutes)))
    console.log(summaryOf(day))
    const complaints = complaintsAbout(day)
    if (complaints.length > 0) console.error(`\nWrong: ${complaints.join('; ')}`)
    process.exitCode = complaints.length === 0 ? 0 : 1
  } finally {
    await stack.stop()
  }
  process.exit()
}
