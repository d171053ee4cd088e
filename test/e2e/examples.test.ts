import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { type Example, examplePages } from '../support/page-examples.ts'
import { runShellSession } from '../support/shell-session.ts'
import { testStack } from '../support/stack.ts'

const pages = await examplePages()

/** Text in which `…` matches anything within its line. */
const patternOf = (text: string): RegExp =>
  new RegExp(
    text
      .trim()
      .split('\n')
      .map(line => line.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '.*'))
      .join('[^]*'),
  )

const expectSoon = async (read: () => Promise<string>, pattern: RegExp): Promise<void> => {
  const deadline = Date.now() + 30_000
  while (!pattern.test(await read()) && Date.now() < deadline) await delay(100)
  expect(await read()).toMatch(pattern)
}

/** Runs in the order of the page. A shell example that is for elsewhere (a cloud account, a machine of its own) is not among them. */
const isPlayed = ({ language, note }: Example): boolean =>
  (language === 'sh' && note !== 'elsewhere') || language === 'js'

/** `docs/contributing.md` says what each kind of example is checked for; `test/unit/page-examples.test.ts` checks what is not run. */
describe('the examples of the documentation', () => {
  test.each(pages.filter(({ examples }) => examples.some(isPlayed)))(
    'of $path run one after the other, and say what the page says',
    async ({ examples }) => {
      const session = await runShellSession(examples.filter(isPlayed))
      try {
        for (const { code } of examples.filter(({ language }) => language === 'text')) {
          await expectSoon(session.secondTerminal, patternOf(code))
        }
      } finally {
        await session.end()
      }
    },
    150_000,
  )

  test.each(pages.flatMap(({ examples }) => examples.filter(({ language }) => language === 'sql')))(
    'at $place are understood by the database',
    async ({ code }) => {
      const client = new Client({ connectionString: testStack().outputs.DatabaseUrl })
      await client.connect()
      try {
        await client.query('begin')
        await client.query(code)
      } finally {
        // The other tests go on with the database as it was.
        await client.query('rollback')
        await client.end()
      }
    },
  )
})
