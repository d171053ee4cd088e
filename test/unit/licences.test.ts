import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'

interface LockedPackage {
  license?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
}
const lock = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')
const packages = Object.entries((JSON.parse(lock) as { packages: Record<string, LockedPackage> }).packages).filter(
  ([path]) => path !== '',
)

/** What may be in the bundles: these ask for no more than that their text is kept. */
const forAnything = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0']
/** What tools may have besides, which are not passed on to anybody. */
const forTools = [...forAnything, 'BlueOak-1.0.0', 'CC-BY-4.0', 'MPL-2.0', 'Python-2.0']

/** Whether an SPDX expression, of alternatives that may ask for several things at once, can be met with these licences. */
const isAllowed = (expression: string, allowed: readonly string[]): boolean =>
  expression
    .replace(/[()]/g, '')
    .split(' OR ')
    .some(alternative => alternative.split(' AND ').every(licence => allowed.includes(licence)))

const refused = (allowed: readonly string[], found: typeof packages) =>
  found.filter(([, { license = '' }]) => !isAllowed(license, allowed)).map(([path, { license }]) => [path, license])

test('what is deployed has a licence that lets us', () => {
  const deployed = packages.filter(([, { dev }]) => !dev)
  expect(deployed.length).toBeGreaterThan(50)
  expect(refused(forAnything, deployed)).toEqual([])
})

test('what we work with has a licence that lets us', () => {
  // The lock file knows none of the builds for other machines, which are parts of a package that is here.
  const isOtherBuild = ([path, { license, optional, os }]: (typeof packages)[number]) =>
    license === undefined && optional && os && packages.some(([other]) => other !== path && sameMaker(other, path))
  const tools = packages.filter(([, { dev }]) => dev).filter(each => !isOtherBuild(each))
  expect(tools.length).toBeGreaterThan(300)
  expect(refused(forTools, tools)).toEqual([])
})

const sameMaker = (one: string, other: string): boolean => one.split('/')[1] === other.split('/')[1]

test.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0-or-later)', true],
  ['Apache-2.0 AND MIT', true],
  ['MIT AND GPL-3.0-only', false],
  ['GPL-3.0-only', false],
  ['', false],
])('the licence %j is allowed: %s', (expression, expected) => {
  expect(isAllowed(expression, forAnything)).toBe(expected)
})
