import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { until } from '../local/stores/until.ts'
import { testStack } from '../support/stack.ts'
import { tokenFor } from '../support/tokens.ts'
import { openSocket, request } from '../support/wire-client.ts'

/** The lines of a function's log of which CloudWatch would make metrics. */
const metricLines = async (functionName: string): Promise<Record<string, unknown>[]> => {
  const log = await readFile(join(testStack().directory.logs, 'functions.log'), 'utf8')
  const pattern = new RegExp(`^\\S+ ${functionName} stdout (\\{"_aws".*)$`, 'gm')
  return [...log.matchAll(pattern)].map(([, json = '']) => JSON.parse(json))
}

test('the bundles write their metrics to their logs, as the stack names them', async () => {
  const [alice, bob] = [randomUUID(), randomUUID()]
  const [alicesToken, bobsToken] = [await tokenFor(alice), await tokenFor(bob)]
  const { body } = await request<Conversation>('POST /conversations/direct', {
    token: alicesToken,
    body: { targetUserId: bob },
  })
  const [alices, bobs] = await Promise.all([openSocket(alicesToken), openSocket(bobsToken)])
  await bobs.until(frame => frame.event === 'session.ready')
  await alices.ask('message.send', { conversationId: body.id, content: 'Hello' })
  await Promise.all([alices.close(), bobs.close()])

  const common = {
    service: 'kaha-chat',
    stage: 'local',
    _aws: { CloudWatchMetrics: [{ Namespace: 'KahaChat', Dimensions: [['service', 'stage']] }] },
  }
  const written = async (functionName: string, metric: string): Promise<boolean> =>
    (await metricLines(functionName)).some(line => metric in line)
  await until('metrics are written', async () => written('MessageFunction', 'PushLatency'), 10_000)
  await until('metrics are written', async () => written('ReplayFunction', 'ReplayAge'), 10_000)
  const lines = await metricLines('MessageFunction')
  for (const line of lines) expect(line).toMatchObject(common)
  expect(lines).toContainEqual(
    expect.objectContaining({ MessagesSent: 1, PushesSent: 1, PushLatency: expect.any(Number) }),
  )
}, 30_000)
