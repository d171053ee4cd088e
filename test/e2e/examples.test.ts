import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { repository } from '../../infra/local/local-directory.ts'
import { Claims } from '../../shared/auth/tokens.ts'
import { checkNamed } from '../support/documented.ts'
import { type Example, examplePages } from '../support/page-examples.ts'
import { readScript, runShellSession } from '../support/shell-session.ts'
import { testStack } from '../support/stack.ts'

const pages = await examplePages()
const all = pages.flatMap(({ examples }) => examples)
const ofLanguage = (language: string) => all.filter(example => example.language === language)

/** Lines without their indent; `…` stands for whatever is left out. */
const linesOf = (code: string): string[] =>
  code
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')

/** Text in which `…` matches anything within its line. */
const patternOf = (text: string): RegExp =>
  new RegExp(
    linesOf(text)
      .map(line => line.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('…', '.*'))
      .join('[^]*'),
  )

const expectSoon = async (read: () => Promise<string>, pattern: RegExp): Promise<void> => {
  const deadline = Date.now() + 15_000
  while (!pattern.test(await read()) && Date.now() < deadline) await delay(100)
  expect(await read()).toMatch(pattern)
}

/** Runs in the order of the page. A shell example that is for elsewhere (a cloud account, a machine of its own) is not among them. */
const isPlayed = ({ language, note }: Example): boolean =>
  (language === 'sh' && note !== 'elsewhere') || language === 'js'

/** `docs/contributing.md` says what each kind of example is checked for. */
describe('the examples of the documentation', () => {
  test('are of a kind that is checked', () => {
    const kinds = ['sh', 'js', 'text', 'json', 'ts', 'sql', 'mermaid']
    expect(all.filter(({ language }) => !kinds.includes(language)).map(({ place }) => place)).toEqual([])
    expect(all.length).toBeGreaterThan(20)
  })

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
    120_000,
  )

  test.each(ofLanguage('sh').filter(({ note }) => note === 'elsewhere'))(
    'at $place can be read by a shell and name what there is',
    async ({ code }) => {
      await readScript(code)
      const { scripts } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'))
      const run = Array.from(code.matchAll(/\bnpm (?:run )?(?!ci\b|run\b)([\w:]+)/g), ([, name = '']) => name)
      expect(run.filter(name => !(name in scripts))).toEqual([])
      const programs = Array.from(code.matchAll(/\bnpx (\w+)/g), ([, name = '']) => name)
      expect(programs.filter(name => !existsSync(join(repository, 'node_modules', '.bin', name)))).toEqual([])
    },
  )

  test.each(ofLanguage('json'))('at $place are JSON, as the API documents describe it', ({ note, code }) => {
    const value: unknown = JSON.parse(code)
    if (note === 'TokenClaims') expect(Claims.parse(value)).toEqual(value)
    else if (note) checkNamed(note, value)
  })

  test.each(ofLanguage('ts'))('at $place stand in $note', async ({ note, code }) => {
    const file = linesOf(await readFile(join(repository, note), 'utf8')).join('\n')
    for (const part of linesOf(code)
      .join('\n')
      .split(/\n?^…$\n?/m))
      expect(file).toContain(part)
  })

  test.each(ofLanguage('sql'))('at $place are understood by the database', async ({ code }) => {
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
  })
})
