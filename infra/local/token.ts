import { parseArgs } from 'node:util'
import { validate } from 'uuid'
import { localDirectory } from './local-directory.ts'
import { runningStack } from './running-stack.ts'
import { keptSecret } from './secrets.ts'
import { signToken } from './tokens.ts'

const usage = 'npm run token -- --id <uuid> [--kaha-id <id>] [--business <uuid>]'

/** The secret of the stack that runs, else of the one that would be started here. */
const stackSecret = async (): Promise<string> => {
  const directory = localDirectory()
  const stack = await runningStack(directory)
  return stack?.jwtSecret ?? (process.env.JWT_SECRET || (await keptSecret(directory.jwtSecret)))
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: { id: { type: 'string' }, 'kaha-id': { type: 'string' }, business: { type: 'string' } },
  })
  const { id, business, 'kaha-id': kahaId } = values
  if (!id || !validate(id)) throw new Error(`--id takes the user's UUID`)
  if (business !== undefined && !validate(business)) throw new Error(`--business takes the UUID of a business`)
  const claims = { id, kahaId: kahaId ?? `kaha-${id.slice(0, 8)}`, ...(business && { businessId: business }) }
  console.log(await signToken(await stackSecret(), claims))
}

main().catch((error: Error) => {
  console.error(`${error.message}\n${usage}`)
  process.exitCode = 1
})
