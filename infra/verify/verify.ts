/**
 * Looks at a stack as its clients see it: the one that `cdk deploy --outputs-file` has told of, or the one that runs on this machine.
 * Needs no AWS credentials.
 *
 * `npm run verify -- --outputs <file> [--stack <name>] [--token-command <command>] [--slow]`
 */
import { parseArgs } from 'node:util'
import { readAddresses } from './outputs.ts'
import { collect, type Row, StoryEnded, type Teller, table } from './report.ts'
import { chat } from './stories/chat.ts'
import {
  endsWithTheToken,
  findsIdleTime,
  keepsToFrames,
  refusesHandshakes,
  takesTickets,
} from './stories/handshakes.ts'
import {
  findsHeaderLimit,
  keepsBusinessesApart,
  keepsConversationsApart,
  keepsOriginsOut,
  refusesForgedTokens,
  refusesUnknownPaths,
  refusesWithoutToken,
} from './stories/refusals.ts'
import { isThere, isThisRelease, takesTokens } from './stories/service.ts'
import type { Story, Target } from './story.ts'
import { tokenSource } from './tokens.ts'

const usage =
  'npm run verify -- --outputs <file> [--stack <name>] [--token-command <command>] [--slow]      (docs/deploy.md)'

/** Each list one after the other, the lists side by side: what takes long is not waited for. */
const stories: readonly (readonly Story[])[] = [
  [
    isThisRelease,
    refusesWithoutToken,
    refusesForgedTokens,
    refusesUnknownPaths,
    keepsConversationsApart,
    keepsBusinessesApart,
    keepsOriginsOut,
    findsHeaderLimit,
    refusesHandshakes,
    takesTickets,
    keepsToFrames,
  ],
  [chat],
  [endsWithTheToken, findsIdleTime],
]

const told = async (story: (tell: Teller) => Promise<void>): Promise<Row[]> => {
  const rows: Row[] = []
  await story(collect(rows)).catch(error => {
    if (!(error instanceof StoryEnded)) throw error
  })
  return rows
}

const passed = (rows: readonly Row[]): boolean => rows.every(({ state }) => state !== 'failed')

const verify = async (target: Target): Promise<Row[]> => {
  const first = await told(async tell => {
    await isThere(target, tell)
    await takesTokens(target, tell)
  })
  if (!passed(first)) {
    return [...first, { state: 'not applicable', title: 'Everything else', note: 'it needs what has failed' }]
  }
  const others = stories.map(async list => {
    const rows: Row[] = []
    for (const story of list) rows.push(...(await told(tell => story(target, tell))))
    return rows
  })
  return [...first, ...(await Promise.all(others)).flat()]
}

const main = async (): Promise<boolean> => {
  const { values } = parseArgs({
    options: {
      outputs: { type: 'string' },
      stack: { type: 'string' },
      'token-command': { type: 'string' },
      slow: { type: 'boolean', default: false },
    },
  })
  const { outputs: outputsFile, stack, 'token-command': tokenCommand, slow } = values
  if (!outputsFile) throw new Error('--outputs takes the file of outputs')
  const addresses = await readAddresses(outputsFile, stack)
  const { newUser, sign } = await tokenSource({ tokenCommand, outputsFile })
  const rows = await verify({ ...addresses, alice: await newUser(), bob: await newUser(), sign, slow })
  console.log(table(rows))
  return passed(rows)
}

// A story that has ended early leaves its sockets open: they end with the process.
main().then(
  allPassed => process.exit(allPassed ? 0 : 1),
  (error: Error) => {
    console.error(`${error.message}\n${usage}`)
    process.exit(2)
  },
)
