import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { repository } from '../../infra/local/local-directory.ts'
import { until } from '../local/stores/until.ts'
import { testStack } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'
import { openSocket, request } from '../support/wire-client.ts'

const run = promisify(execFile)

/** What `npm run audit` prints, an entry a line. */
const audit = async (...args: string[]): Promise<Record<string, unknown>[]> => {
  const { stdout } = await run(process.execPath, [join(repository, 'infra/local/audit.ts'), ...args], {
    env: { PATH: process.env.PATH, LOCAL_DIR: testStack().directory.path },
    timeout: 20_000,
  })
  return stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

test('what happens to a conversation is found by it and by everybody whom it concerns, from any time on', async () => {
  const [alice, bob, eve] = [randomUUID(), randomUUID(), randomUUID()]
  const [alices, bobs, eves] = [await tokenFor(alice), await tokenFor(bob), await tokenFor(eve)]
  const group = { id: randomUUID(), participantIds: [bob] }
  await request('POST /conversations/group', { token: alices, body: group })
  const path = `/conversations/${group.id}`
  const sent = await request(`POST ${path}/messages`, { token: bobs, body: { content: 'Off the record' } })
  await request(`DELETE ${path}/messages/${sent.body.id}`, { token: bobs })
  await request(`PUT ${path}/participants/${bob}/role`, { token: alices, body: { role: 'admin' } })
  const socket = await openSocket(eves)
  await socket.ask('typing.start', { conversationId: group.id })
  await socket.close()
  await request(`GET ${path}`, { token: eves })
  await request(`DELETE ${path}/participants/${alice}`, { token: alices })

  const target = { conversationId: group.id }
  const refused = { action: 'access.refused', userId: eve, target, outcome: 'refused', reason: 'not_found' }
  const expected = [
    { action: 'conversation.created', userId: alice, target, others: [bob] },
    { action: 'message.deleted', userId: bob, target: { ...target, userId: bob, messageId: sent.body.id } },
    { action: 'participant.role_changed', userId: alice, target: { ...target, userId: bob, role: 'admin' } },
    { ...refused, route: 'typing.start' },
    { ...refused, route: 'GET /conversations/{id}' },
    { action: 'participant.removed', userId: alice, target: { ...target, userId: alice } },
  ]
  const about = async () => audit('--conversation', group.id.toUpperCase())
  await until('all of it is on record', async () => (await about()).length === expected.length, 20_000)
  const entries = await about()
  expect(entries).toMatchObject(expected)
  expect(JSON.stringify(entries)).not.toContain('Off the record')
  expect(await audit('--user', eve)).toEqual(entries.slice(3, 5))
  expect(await audit('--user', bob)).toEqual(entries.slice(0, 3))
  expect(await audit('--conversation', group.id, '--since', String(entries[4]?.at))).toEqual(entries.slice(4))
}, 60_000)

test.each([
  [['--user', 'bob'], 'Not a UUID: bob'],
  [['--user', randomUUID(), '--conversation', randomUUID()], 'Ask for one'],
  [[], 'Ask for one'],
  [['--user', randomUUID(), '--since', 'yesterday'], 'Not a time: yesterday'],
])('a question that makes no sense is explained: %j', async (args, said) => {
  await expect(audit(...args)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(said) })
})
