import { parseArgs } from 'node:util'
import { validate } from 'uuid'
import { maskOf } from '../../shared/platform/id-mask.ts'
import { localDirectory } from './local-directory.ts'
import { keptSecret } from './secrets.ts'

const usage = 'npm run mask -- --id <uuid> [--day <yyyy-mm-dd>], with LOG_MASK_KEY for a stack that was deployed'

/** Prints what stands for an id in the logs of a day, by default of today. */
const main = async (): Promise<void> => {
  const { values } = parseArgs({ options: { id: { type: 'string' }, day: { type: 'string' } } })
  const { id, day } = values
  if (!id || !validate(id)) throw new Error('--id takes a UUID')
  const time = day === undefined ? new Date() : new Date(`${day}T00:00:00Z`)
  if (Number.isNaN(time.getTime())) throw new Error(`Not a day: ${day}`)
  console.log(maskOf(process.env.LOG_MASK_KEY || (await keptSecret(localDirectory().logMaskKey)), id, time))
}

main().catch((error: Error) => {
  console.error(`${error.message}\n${usage}`)
  process.exitCode = 1
})
