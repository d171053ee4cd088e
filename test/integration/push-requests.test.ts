import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { createHandler as pushChecksHandler } from '../../functions/queue/push-checks.ts'
import { topology } from '../../infra/topology.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import type { Message } from '../../shared/messages/messages.schema.ts'
import { sendMessage } from '../../shared/messages/send-message.ts'
import { checkPush } from '../../shared/notifications/push-checks.ts'
import { claimPushes } from '../../shared/notifications/push-claims.ts'
import type { PushRequest } from '../../shared/notifications/push-request.ts'
import { openRedis } from '../../shared/redis/connection.ts'
import { keys } from '../../shared/redis/keys.ts'
import { newBusiness } from '../support/business.ts'
import { countingStatements, redisWritesDuring } from '../support/costs.ts'
import { lambdaContext } from '../support/lambda.ts'
import { recordingQueue, sqsEventOf } from '../support/recording-queue.ts'
import { standStill } from '../support/still-clock.ts'
import { openWorld, type World } from '../support/world.ts'
import { forgetWrittenMetrics, writtenValues } from '../support/written-metrics.ts'

let world: World
beforeEach(async () => {
  await world?.close()
  world = await openWorld()
  standStill(world.clock)
})
afterAll(() => world.close())

const second = 1_000
const newUsers = (count: number) => Array.from({ length: count }, () => world.newUser())
const openDirect = async (userId: string, targetUserId: string) =>
  (await world.http<Conversation>(userId, 'POST /conversations/direct', { body: { targetUserId } })).body.id
const createGroup = async (userId: string, participantIds: string[]) =>
  (await world.http<Conversation>(userId, 'POST /conversations/group', { body: { participantIds } })).body.id
const say = async (userId: string, id: string, content = 'Secret') =>
  (await world.http<Message>(userId, `POST /conversations/${id}/messages`, { body: { content } })).body
const prefer = (userId: string, body: object) => world.http(userId, 'PUT /notifications/preferences', { body })

/** What is requested once the time of the checks that wait has come. */
const requested = (): Promise<PushRequest[]> => {
  world.clock.advance(10 * second)
  return world.checkPushes()
}
const recipientsOf = (requests: readonly PushRequest[]) => requests.map(({ userId }) => userId).sort()

/** Alice writes to Bob, who is not there. */
const pair = async () => {
  const [alice = '', bob = ''] = newUsers(2)
  return { alice, bob, id: await openDirect(alice, bob) }
}

describe('a push request', () => {
  test('is made for a recipient who is offline, ten seconds after the message, and says nothing of what is in it', async () => {
    const { alice, bob, id } = await pair()
    const message = await say(alice, id)
    expect(world.pushCheckJobs.jobs).toEqual([
      { delaySeconds: 10, job: { conversationId: id, userIds: [bob], fromSeq: 1, throughSeq: 1 } },
    ])
    const requests = await requested()
    expect(requests).toEqual([
      {
        version: 1,
        dedupId: `${message.id}:${bob}`,
        collapseKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
        userId: bob,
        conversationId: id,
        messageId: message.id,
        seq: 1,
        sentAt: message.sentAt,
      },
    ])
    expect(JSON.stringify(requests)).not.toContain('Secret')
  })

  test('is made for each recipient who is offline, and for no other', async () => {
    const [alice = '', here = '', gone = '', never = ''] = newUsers(4)
    const id = await createGroup(alice, [here, gone, never])
    await world.connect(here)
    await (await world.connect(gone)).close()
    world.clock.advance(6 * second)
    await say(alice, id)
    forgetWrittenMetrics()
    expect(recipientsOf(await requested())).toEqual([gone, never].sort())
    expect(writtenValues('PushRequests')).toEqual([2])
  })

  test('is made of what is sent over a socket just the same, and not for the sender, who has gone', async () => {
    const { alice, bob, id } = await pair()
    const socket = await world.connect(alice)
    await socket.send({ action: 'message.send', requestId: '1', data: { conversationId: id, content: 'Hi' } })
    await socket.close()
    world.clock.advance(60 * second)
    expect(recipientsOf(await world.checkPushes())).toEqual([bob])
  })

  test('is made of the text that tells a customer to wait, as of any message', async () => {
    const business = newBusiness(world)
    const customer = world.newUser()
    const { body: chat } = await business.open(customer)
    const [request] = await requested()
    expect(request).toMatchObject({ userId: customer, conversationId: chat.id, messageId: chat.lastMessage?.id })
  })

  test('is made for an agent who is offline, and never for who manages a business without being a participant', async () => {
    const business = newBusiness(world)
    const agent = await business.addAgent()
    const customer = world.newUser()
    const { body: chat } = await business.open(customer)
    expect(chat.assignment.agentId).toBe(agent.id)
    await agent.socket?.close()
    world.clock.advance(6 * second)
    world.pushCheckJobs.takeAll()
    await say(customer, chat.id)
    expect(recipientsOf(await requested())).toEqual([agent.id])
  })
})

describe('no push request is made for a recipient', () => {
  test('who is online, and then nothing is queued either', async () => {
    const { alice, bob, id } = await pair()
    await world.connect(bob)
    await say(alice, id)
    expect(world.pushCheckJobs.jobs).toEqual([])
  })

  test('who connects within the ten seconds, also when they are gone again by then', async () => {
    const { alice, bob, id } = await pair()
    await say(alice, id)
    world.clock.advance(second)
    const socket = await world.connect(bob)
    world.clock.advance(second)
    await socket.close()
    world.clock.advance(8 * second)
    expect((await world.http(bob, `GET /presence?userIds=${bob}`)).body).toMatchObject({
      items: [{ status: 'offline' }],
    })
    expect(await world.checkPushes()).toEqual([])
  })

  test('who was online for a moment only, and whom the sweep has found gone', async () => {
    const { alice, bob, id } = await pair()
    await say(alice, id)
    world.clock.advance(second)
    await world.connect(bob)
    world.clock.advance(31 * second)
    await world.sweep('presence')
    expect(await world.checkPushes()).toEqual([])
  })

  test('who reads within the ten seconds; of what comes after that, one is', async () => {
    const { alice, bob, id } = await pair()
    for (const text of ['1', '2', '3']) await say(alice, id, text)
    await world.http(bob, `PUT /conversations/${id}/read`, { body: { seq: 2 } })
    expect((await requested()).map(({ seq }) => seq)).toEqual([3])
    await say(alice, id)
    await world.http(bob, 'PUT /notifications/mark-all-read')
    expect(await requested()).toEqual([])
  })

  test('one of whose devices has acknowledged the message, whatever Redis has forgotten', async () => {
    const { alice, bob, id } = await pair()
    await say(alice, id)
    await world.db
      .updateTable('participants')
      .set({ last_delivered_seq: 1 })
      .where('conversation_id', '=', id)
      .where('user_id', '=', bob)
      .execute()
    expect(await requested()).toEqual([])
  })

  test('who has muted the conversation, while the mute lasts', async () => {
    const { alice, bob, id } = await pair()
    const mute = (body: object) => world.http(bob, `PUT /conversations/${id}/mute`, { body })
    await mute({ isMuted: true })
    await say(alice, id)
    expect(await requested()).toEqual([])

    await mute({ isMuted: true, until: new Date(world.clock.now().getTime() + 30 * second).toISOString() })
    await say(alice, id)
    expect(await requested()).toEqual([])
    world.clock.advance(20 * second)
    await say(alice, id)
    expect((await requested()).map(({ seq }) => seq)).toEqual([3])

    await say(alice, id)
    await mute({ isMuted: true })
    expect(await requested()).toEqual([])
    await mute({ isMuted: false })
    await say(alice, id)
    expect((await requested()).map(({ seq }) => seq)).toEqual([5])
  })

  test('who wants none, or none of this type of conversation', async () => {
    const [alice = '', off = '', noGroups = '', noDirect = ''] = newUsers(4)
    await prefer(off, { pushEnabled: false })
    await prefer(noGroups, { mutedTypes: ['group', 'business'] })
    await prefer(noDirect, { mutedTypes: ['direct'] })
    const others = [off, noGroups, noDirect]
    const conversations = [await createGroup(alice, others)]
    for (const other of others) conversations.push(await openDirect(alice, other))
    for (const id of conversations) await say(alice, id)
    const found = (await requested()).map(({ userId, conversationId }) => [userId, conversationId === conversations[0]])
    expect(found.sort()).toEqual(
      [
        [noDirect, true],
        [noGroups, false],
      ].sort(),
    )
  })

  test('whose quiet hours it is by the clocks of their zone, over midnight, in summer and in winter', async () => {
    const [alice = '', london = '', kathmandu = '', none = ''] = newUsers(4)
    const userIds = [london, kathmandu, none]
    const id = await createGroup(alice, userIds)
    const atNight = (timezone: string) => ({ quietHours: { from: '22:00', to: '07:00', timezone } })
    await prefer(london, atNight('Europe/London'))
    await prefer(kathmandu, atNight('Asia/Kathmandu'))
    const year = world.clock.now().getUTCFullYear() + 1
    /** Who is notified when the time of the check is this one. */
    const notifiedAt = async (time: string) => {
      const { seq } = await say(alice, id)
      const notifications = recordingQueue<PushRequest>()
      const clock = { now: () => new Date(`${year}-${time}Z`) }
      await checkPush(
        { ...world.deps, clock, notifications },
        { conversationId: id, userIds, fromSeq: seq, throughSeq: seq },
      )
      return recipientsOf(notifications.takeAll())
    }
    expect(await notifiedAt('01-15T12:00')).toEqual(userIds.toSorted())
    expect(await notifiedAt('01-15T17:00')).toEqual([london, none].sort())
    expect(await notifiedAt('01-15T21:30')).toEqual([london, none].sort())
    expect(await notifiedAt('01-15T22:30')).toEqual([none])
    expect(await notifiedAt('01-16T06:30')).toEqual([kathmandu, none].sort())
    expect(await notifiedAt('07-15T21:30')).toEqual([none])
    expect(await notifiedAt('07-16T06:30')).toEqual(userIds.toSorted())
  })

  test('who has left, or has left and joined again, since the message', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const id = await createGroup(alice, [bob, carol])
    await say(alice, id)
    for (const leaving of [bob, carol]) await world.http(alice, `DELETE /conversations/${id}/participants/${leaving}`)
    await world.http(alice, `POST /conversations/${id}/participants`, { body: { userId: carol } })
    expect(await requested()).toEqual([])
    await say(alice, id)
    expect(recipientsOf(await requested())).toEqual([carol])
  })

  test('of a message that was deleted, or that they sent themselves', async () => {
    const { alice, bob, id } = await pair()
    const [first, second] = [await say(alice, id), await say(alice, id)]
    await world.http(alice, `DELETE /conversations/${id}/messages/${first.id}`)
    expect((await requested()).map(each => each.messageId)).toEqual([second.id])
    expect(await world.checkPushes([{ conversationId: id, userIds: [alice, bob], fromSeq: 1, throughSeq: 2 }])).toEqual(
      [],
    )
  })
})

describe('one message and recipient have one push request', () => {
  test('under concurrent sends, each check delivered twice, at the same time or later', async () => {
    const [alice = '', bob = '', ...others] = newUsers(6)
    const id = await createGroup(alice, [bob, ...others])
    const senders = [alice, bob]
    const sent = await Promise.all(Array.from({ length: 20 }, (_, n) => say(senders[n % 2] ?? '', id)))
    const checks = world.pushCheckJobs.takeAll()
    world.clock.advance(10 * second)
    const requests = await world.checkPushes([...checks, ...checks].reverse())
    const expected = sent.flatMap(message =>
      [...senders, ...others]
        .filter(userId => userId !== message.senderId)
        // Whoever sends has read what came before.
        .filter(userId => !sent.some(later => later.senderId === userId && later.seq > message.seq))
        .map(userId => `${message.id}:${userId}`),
    )
    expect(requests.map(({ dedupId }) => dedupId).sort()).toEqual(expected.sort())
    world.clock.advance(60 * second)
    expect(await world.checkPushes(checks)).toEqual([])
  })

  test('when the queue takes them only the second time', async () => {
    const { alice, id } = await pair()
    const message = await say(alice, id)
    world.clock.advance(10 * second)
    const checks = world.pushCheckJobs.takeAll()
    world.notifications.fail(true)
    await expect(world.checkPushes(checks)).rejects.toThrow('1 push checks failed')
    world.notifications.fail(false)
    expect((await world.checkPushes(checks)).map(each => each.messageId)).toEqual([message.id])
    expect(await world.checkPushes(checks)).toEqual([])
  })

  test('when the function that had claimed them ended before it sent them: long before the record comes again', async () => {
    const { alice, bob, id } = await pair()
    const { id: messageId, seq, sentAt } = await say(alice, id)
    const message = { userId: bob, conversationId: id, messageId, seq, sentAt: new Date(sentAt) }
    await claimPushes(world.redis, [message])
    const checks = world.pushCheckJobs.takeAll()
    world.clock.advance(10 * second)
    expect(await world.checkPushes(checks)).toEqual([])
    const key = keys.done(`push:${messageId}:${bob}`)
    expect(await world.redis.pttl(key)).toBeLessThan(topology.functions.PushChecksFunction.timeoutSeconds * 6 * second)
    await world.redis.pexpire(key, 0)
    expect((await world.checkPushes(checks)).map(each => each.messageId)).toEqual([messageId])
  })

  test('and of one that is repeated with its id none more', async () => {
    const { alice, id } = await pair()
    const message = await say(alice, id)
    const again = { body: { id: message.id, content: 'Secret' } }
    expect((await world.http(alice, `POST /conversations/${id}/messages`, again)).status).toBe(200)
    expect(world.pushCheckJobs.jobs).toHaveLength(1)
  })
})

describe('a recipient who counted as online, but whose connections were dead, is notified once they are offline', () => {
  /** What is requested when the sweep has found that they are. */
  const requestedAfterSweep = async () => {
    await world.sweep('presence')
    expect(world.pushCheckJobs.jobs.map(({ delaySeconds }) => delaySeconds)).toEqual(
      world.pushCheckJobs.jobs.map(() => 10),
    )
    return requested()
  }

  test('of what came after their last frame, and not of what came before it', async () => {
    const { alice, bob, id } = await pair()
    const socket = await world.connect(bob)
    world.clock.advance(second)
    await say(alice, id)
    world.clock.advance(second)
    await socket.send({ action: 'heartbeat' })
    world.clock.advance(second)
    const missed = [await say(alice, id), await say(alice, id)]
    expect(world.pushCheckJobs.jobs).toEqual([])
    world.clock.advance(29 * second)
    const requests = await requestedAfterSweep()
    expect(requests.map(({ messageId }) => messageId)).toEqual(missed.map(message => message.id))
    expect(recipientsOf(requests)).toEqual([bob, bob])
    expect(await requestedAfterSweep()).toEqual([])
  })

  test('of what came after the last of their sockets had closed', async () => {
    const { alice, bob, id } = await pair()
    await (await world.connect(bob)).close()
    world.clock.advance(4 * second)
    await say(alice, id)
    expect(world.pushCheckJobs.jobs).toEqual([])
    world.clock.advance(second)
    expect(recipientsOf(await requestedAfterSweep())).toEqual([bob])
  })

  test('once of each message, also where it came between their going and the look of the sweep', async () => {
    const { alice, bob, id } = await pair()
    await world.connect(bob)
    world.clock.advance(second)
    await say(alice, id)
    world.clock.advance(30 * second)
    await say(alice, id)
    expect(world.pushCheckJobs.jobs).toHaveLength(1)
    expect((await requestedAfterSweep()).map(({ seq }) => seq).sort()).toEqual([1, 2])
  })

  test('but not of what they have acknowledged, nor when they are back in time', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    const id = await createGroup(alice, [bob, carol])
    const [bobs] = [await world.connect(bob), await world.connect(carol)]
    world.clock.advance(second)
    await say(alice, id)
    await bobs?.send({ action: 'message.delivered', requestId: '1', data: { conversationId: id, seq: 1 } })
    world.clock.advance(31 * second)
    await world.sweep('presence')
    expect(world.pushCheckJobs.jobs.map(({ job }) => job.userIds)).toEqual([[carol]])
    await world.connect(carol)
    expect(await requested()).toEqual([])
  })
})

describe('the collapseKey', () => {
  /** The keys of messages that come so many milliseconds after the first, in the order of the messages. */
  const keysOf = async (times: readonly number[], inOrder = true): Promise<string[]> => {
    const { alice, id } = await pair()
    const start = world.clock.now().getTime()
    for (const time of times) {
      world.clock.set(new Date(start + time))
      await say(alice, id)
    }
    const checks = world.pushCheckJobs.takeAll()
    world.clock.advance(10 * second)
    const requests: PushRequest[] = []
    for (const check of inOrder ? checks : checks.toReversed()) requests.push(...(await world.checkPushes([check])))
    return requests.sort((a, b) => a.seq - b.seq).map(({ collapseKey }) => collapseKey)
  }

  test('is one for what came within ten seconds, and another for what came later', async () => {
    const [first, ...others] = await keysOf([0, 1, 9_999, 10_000, 19_999, 45_000])
    expect(others.map(key => key === first)).toEqual([true, true, false, false, false])
    expect(others[2]).toBe(others[3])
    expect(others[4]).not.toBe(others[3])
  })

  test('is the same in whatever order the checks come', async () => {
    const keys = await keysOf([0, 4_000, 8_000], false)
    expect(new Set(keys).size).toBe(1)
  })

  test('is the same when they come at the same moment', async () => {
    const { alice, id } = await pair()
    await Promise.all(Array.from({ length: 10 }, () => say(alice, id)))
    const requests = await requested()
    expect(requests).toHaveLength(10)
    expect(new Set(requests.map(({ collapseKey }) => collapseKey)).size).toBe(1)
  })

  test('is another for each recipient, and for each conversation', async () => {
    const [alice = '', bob = '', carol = ''] = newUsers(3)
    for (const id of [await createGroup(alice, [bob, carol]), await openDirect(alice, bob)]) await say(alice, id)
    const requests = await requested()
    expect(requests).toHaveLength(3)
    expect(new Set(requests.map(({ collapseKey }) => collapseKey)).size).toBe(3)
  })

  test('fits into the 64 bytes that Apple gives it, and the dedupId into the 128 of SQS', async () => {
    const { alice, id } = await pair()
    await say(alice, id)
    const [request] = await requested()
    expect(Buffer.byteLength(request?.collapseKey ?? '')).toBeLessThanOrEqual(64)
    expect(Buffer.byteLength(request?.dedupId ?? '')).toBeLessThanOrEqual(128)
  })
})

describe('while something is down', () => {
  test('Redis at the send: it is looked at half a minute later who is offline', async () => {
    const [alice = '', here = '', gone = ''] = newUsers(3)
    const id = await createGroup(alice, [here, gone])
    await world.withoutRouting(async () => {
      expect((await world.http(alice, `POST /conversations/${id}/messages`, { body: { content: 'Hi' } })).status).toBe(
        201,
      )
    })
    expect(world.pushCheckJobs.jobs.map(({ delaySeconds }) => delaySeconds)).toEqual([30])
    const socket = await world.connect(here)
    world.clock.advance(30 * second)
    await socket.send({ action: 'heartbeat' })
    expect(recipientsOf(await world.checkPushes())).toEqual([gone])
  })

  test('SQS at the send: the message is sent and pushed all the same', async () => {
    const [alice = '', here = '', gone = ''] = newUsers(3)
    const id = await createGroup(alice, [here, gone])
    const socket = await world.connect(here)
    world.pushCheckJobs.fail(true)
    expect((await world.http(alice, `POST /conversations/${id}/messages`, { body: { content: 'Hi' } })).status).toBe(
      201,
    )
    world.pushCheckJobs.fail(false)
    expect(socket.events('message.created')).toHaveLength(1)
  })

  test('Redis at the check: it comes again, alone', async () => {
    const { alice, id } = await pair()
    await say(alice, id)
    await say(alice, id)
    const dead = openRedis({ REDIS_URL: 'redis://127.0.0.1:1' })
    const notifications = recordingQueue<PushRequest>()
    try {
      const handler = pushChecksHandler({ ...world.deps, redis: dead, notifications })
      const event = sqsEventOf(world.pushCheckJobs.takeAll())
      const { batchItemFailures } = await handler(event, lambdaContext())
      expect(batchItemFailures).toHaveLength(2)
      expect(notifications.jobs).toEqual([])
    } finally {
      dead.disconnect()
    }
  })
})

describe('the costs', () => {
  const costsOf = async (run: (deps: World['deps']) => Promise<unknown>) => {
    const counter = countingStatements(world.db)
    const writes = await redisWritesDuring(world.redis, () => run({ ...world.deps, db: counter.db }))
    return { statements: counter.statements, roundTrips: writes.length, jobs: world.pushCheckJobs.takeAll().length }
  }

  test('of a send are one statement and one round trip, and one job where recipients are offline, however many', async () => {
    const [alice = '', ...others] = newUsers(8)
    const id = await createGroup(alice, others)
    const send = (deps: World['deps']) => sendMessage(deps, { conversationId: id, senderId: alice, content: 'Hi' })
    // It is read every five minutes.
    await world.deps.contentKeys.active(world.db)
    expect(await costsOf(send)).toEqual({ statements: 1, roundTrips: 1, jobs: 1 })
    await Promise.all(others.map(other => world.connect(other)))
    expect(await costsOf(send)).toEqual({ statements: 1, roundTrips: 1, jobs: 0 })
  })

  test('of a check are one statement and at most one round trip, and two more for whom it finds', async () => {
    const [alice = '', ...others] = newUsers(8)
    const id = await createGroup(alice, others)
    const notifications = recordingQueue<PushRequest>()
    const check = async (before = async (): Promise<unknown> => undefined) => {
      await say(alice, id)
      const [job] = world.pushCheckJobs.takeAll()
      await before()
      return costsOf(async deps => job && (await checkPush({ ...deps, notifications }, job)))
    }
    expect(await check()).toMatchObject({ statements: 1, roundTrips: 3 })
    expect(notifications.takeAll()).toHaveLength(7)
    const [first = '', ...muting] = others
    for (const userId of muting) await world.http(userId, `PUT /conversations/${id}/mute`, { body: { isMuted: true } })
    expect(await check(() => world.connect(first))).toMatchObject({ statements: 1, roundTrips: 1 })
    await world.http(first, `PUT /conversations/${id}/mute`, { body: { isMuted: true } })
    expect(await check()).toMatchObject({ statements: 1, roundTrips: 0 })
    expect(notifications.jobs).toEqual([])
  })
})
