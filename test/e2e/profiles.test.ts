import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { invokeInStack } from '../../infra/local/control.ts'
import { userName } from '../../infra/local/main-service/names.ts'
import { runningStack } from '../../infra/local/running-stack.ts'
import { demoUsers } from '../../infra/local/tokens.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { testStack } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'
import { request } from '../support/wire-client.ts'
import { expectProblem } from './problem-answer.ts'

const { directory } = testStack()

const openDirect = async (targetUserId: string) => {
  const token = await tokenFor(randomUUID())
  return (await request<Conversation>('POST /conversations/direct', { token, body: { targetUserId } })).body
}

test('the demo users have their names, everybody else one that is always the same, and no log has any', async () => {
  const other = randomUUID()
  expect((await openDirect(demoUsers.alice.id)).name).toBe('Alice')
  expect((await openDirect(demoUsers.bob.id)).name).toBe('Bob')
  for (let times = 0; times < 2; times += 1) {
    const { name, participants } = await openDirect(other)
    expect(name).toBe(userName(other))
    expect(participants.map(({ profile }) => profile.stale)).toEqual([false, false])
  }
  const log = await readFile(join(directory.logs, 'functions.log'), 'utf8')
  expect(log).not.toContain(userName(other))
  expect(log).not.toContain('avatars.example.com')
})

test('an event about a profile is taken with the service token of the stack, and no other', async () => {
  const body = { type: 'user.profile.updated', uuid: randomUUID() }
  const token = await readFile(directory.serviceToken, 'utf8')
  expect((await request('POST /internal/profile-events', { token, body })).status).toBe(204)
  const ofUser = await request('POST /internal/profile-events', { token: await tokenFor(randomUUID()), body })
  expectProblem(ofUser, 'unauthorized')
})

test('the function that hears the event bus can be run by hand', async () => {
  const stack = await runningStack(directory)
  if (!stack?.control) throw new Error('The stack takes no orders')
  const event = { 'detail-type': 'business.profile.updated', detail: { uuid: randomUUID() } }
  expect(await invokeInStack(stack.control, 'ProfileEventsFunction', event)).toMatchObject({ outcome: 'ok' })
  expect(await invokeInStack(stack.control, 'ProfileEventsFunction', {})).toMatchObject({ outcome: 'error' })
})
