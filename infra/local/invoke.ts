import { invokeInStack } from './control.ts'
import { localDirectory } from './local-directory.ts'
import { runningStack } from './running-stack.ts'

const usage = "npm run invoke -- <Function> ['<json event>']"

const main = async (): Promise<void> => {
  const [functionName, event = '{}', ...others] = process.argv.slice(2)
  if (!functionName || others.length > 0) throw new Error(usage)
  let parsed: unknown
  try {
    parsed = JSON.parse(event)
  } catch {
    throw new Error(`The event is not JSON: ${event}\n${usage}`)
  }
  const directory = localDirectory()
  const stack = await runningStack(directory)
  if (!stack?.control) throw new Error(`No stack runs in ${directory.path}. Start one with: npm start`)
  const { outcome, payload, errorType, errorMessage } = await invokeInStack(stack.control, functionName, parsed)
  console.log(JSON.stringify(outcome === 'ok' ? (payload ?? null) : { errorType, errorMessage }, null, 2))
  if (outcome !== 'ok') process.exitCode = 1
}

main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
