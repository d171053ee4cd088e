import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { repository } from '../../infra/local/local-directory.ts'
import { topology } from '../../infra/topology.ts'
import { actions } from '../../shared/api/socket.ts'

/** The names of what a file declares that look like this, in the order of the alphabet. */
const declared = async (file: string, pattern: RegExp): Promise<string[]> => {
  const text = await readFile(`${repository}/shared/client/${file}`, 'utf8')
  return [...text.matchAll(pattern)].map(([, name = '']) => name).sort()
}

test('the client knows every route of the HTTP API that a user has, and no other', async () => {
  const ofUsers = topology.httpRoutes
    .filter(route => route.function !== 'PlatformFunction')
    .map(({ method, path }) => `${method} ${path}`)
  const known = await declared('routes.ts', /^ {2}'([A-Z]+ \/[^']*)'/gm)
  expect(known).toEqual(ofUsers.toSorted())
})

test('the client knows every action of the socket but for presence, which it asks for over HTTP', async () => {
  const known = await declared('wire.ts', /^ {2}'?([\w.]+)'?: Action</gm)
  expect(known).toEqual(
    Object.keys(actions)
      .filter(action => action !== 'presence.get')
      .sort(),
  )
})
