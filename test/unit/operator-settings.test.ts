import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { operatorSettings } from '../../infra/operator-settings.ts'

test('every setting that operators have is explained, and no other', async () => {
  const page = await readFile(new URL('../../docs/settings.md', import.meta.url), 'utf8')
  const explained = Array.from(page.matchAll(/^\| `(\w+)` \|/gm), match => match[1])
  expect(explained).toEqual([...operatorSettings])
})
