import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { repository } from '../../infra/local/local-directory.ts'
import { Claims } from '../../shared/auth/tokens.ts'
import { checkNamed } from '../support/documented.ts'
import { examplePages } from '../support/page-examples.ts'
import { readScript } from '../support/shell-session.ts'

const all = (await examplePages()).flatMap(({ examples }) => examples)
const ofLanguage = (language: string) => all.filter(example => example.language === language)

const linesOf = (code: string): string =>
  code
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .join('\n')

/** `docs/contributing.md` says what each kind of example is checked for; `test/e2e/examples.test.ts` runs what can be run. */
describe('the examples of the documentation', () => {
  test('are of a kind that is checked', () => {
    const kinds = ['sh', 'js', 'text', 'json', 'ts', 'sql', 'mermaid']
    expect(all.filter(({ language }) => !kinds.includes(language)).map(({ place }) => place)).toEqual([])
    expect(all.length).toBeGreaterThan(20)
  })

  test.each(ofLanguage('sh').filter(({ note }) => note === 'elsewhere'))(
    'at $place can be read by a shell and name what there is',
    async ({ code }) => {
      await readScript(code.replaceAll(/<\w+>/g, 'something'))
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
    const file = linesOf(await readFile(join(repository, note), 'utf8'))
    for (const part of linesOf(code).split(/\n?^…$\n?/m)) expect(file).toContain(part)
  })
})
