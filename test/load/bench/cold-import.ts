/**
 * In this fresh process: how many milliseconds the import of a module takes, and, where an event is given, how many its handler takes
 * for that. Prints both as JSON.
 */
import { lambdaContext } from '../../support/lambda.ts'

const [module = '', event] = process.argv.slice(2)
const startedAt = performance.now()
const { handler } = await import(module)
const importedAt = performance.now()
// A function that rejects is not what is to be measured; a frame that is refused is answered with a status.
const answer = event === undefined ? undefined : await handler(JSON.parse(event), lambdaContext())
if (answer?.statusCode >= 400) throw new Error(JSON.stringify(answer))
console.log(JSON.stringify({ importMs: importedAt - startedAt, eventMs: performance.now() - importedAt }))
process.exit()
