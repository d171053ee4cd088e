import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { v7 as newMessageId } from 'uuid'
import { ask } from '../http.ts'
import type { Teller } from '../report.ts'
import { type Frame, openSocket, type Socket } from '../socket.ts'
import type { Story, Target } from '../story.ts'

/** Two users in their conversation, and who tells of it. */
interface Scene extends Target, Pick<Teller, 'check'> {
  readonly conversationId: string
  readonly alices: Socket
  readonly bobs: Socket
}

interface Sent {
  readonly id: string
  readonly seq: number
  readonly content: string
}

const isPosition =
  (event: 'message.delivered' | 'message.read', seq: number) =>
  (frame: Frame): boolean =>
    frame.event === event && Number(frame.data?.seq) >= seq

const isMessage =
  (content: string) =>
  (frame: Frame): boolean =>
    frame.event === 'message.created' && (frame.data?.message as { content?: unknown } | undefined)?.content === content

const socketOf = async ({ WebSocketUrl }: Pick<Target, 'WebSocketUrl'>, token: string): Promise<Socket> => {
  const socket = await openSocket(`${WebSocketUrl}?token=${token}`)
  await socket.until('session.ready', ({ event }) => event === 'session.ready')
  return socket
}

/** Not ASCII, so that it shows who takes a body for something else. */
const texts = ['Namaste, नमस्ते 👋', 'Are you there? 你好']

const openConversation = ({ HttpApiUrl, alice, bob }: Target, { check }: Teller): Promise<string> =>
  check('Two users open a conversation, which is the same from both sides', async () => {
    const open = (token: string, targetUserId: string) =>
      ask(HttpApiUrl, 'POST /conversations/direct', { token, body: { targetUserId } })
    const first = await open(alice.token, bob.id)
    const second = await open(bob.token, alice.id)
    // Users of a token command may have met before.
    assert.ok([200, 201].includes(first.status), `${first.status} ${JSON.stringify(first.body)}`)
    assert.equal(second.status, 200, `${second.status} ${JSON.stringify(second.body)}`)
    const { id } = first.body as { id: string }
    assert.equal((second.body as { id: string }).id, id)
    return id
  })

const sendLive = ({ conversationId, alices, bobs, check }: Scene): Promise<Sent> =>
  check('A message is acknowledged, and the other one gets it at once', async tell => {
    const [id, content = ''] = [newMessageId(), ...texts]
    const startedAt = performance.now()
    const { seq, duplicate } = await alices.ask('message.send', { conversationId, id, content })
    const acknowledged = performance.now()
    assert.equal(duplicate, false)
    await bobs.until('message.created', isMessage(content))
    const arrived = performance.now()
    tell(`ack after ${Math.round(acknowledged - startedAt)} ms, there after ${Math.round(arrived - startedAt)} ms`)
    return { id, seq: Number(seq), content }
  })

const sendAgain = (
  { HttpApiUrl, alice, alices, conversationId, check }: Scene,
  { id, seq, content }: Sent,
): Promise<void> =>
  check('The same message sent again is not stored twice', async () => {
    const again = await alices.ask('message.send', { conversationId, id, content })
    assert.deepEqual([again.seq, again.duplicate], [seq, true])
    const target = `POST /conversations/${conversationId}/messages`
    const { status, body } = await ask(HttpApiUrl, target, { token: alice.token, body: { id, content } })
    assert.deepEqual([status, (body as { seq: number }).seq], [200, seq])
  })

const acknowledge = ({ conversationId, alices, bobs, check }: Scene, { seq }: Sent): Promise<void> =>
  check('The sender hears that it was delivered, and that it was read', async () => {
    await bobs.ask('message.delivered', { conversationId, seq })
    await alices.until('message.delivered', isPosition('message.delivered', seq))
    await bobs.ask('message.read', { conversationId, seq })
    await alices.until('message.read', isPosition('message.read', seq))
  })

const typeSomething = ({ conversationId, alices, bobs, check }: Scene): Promise<void> =>
  check('Typing is seen', async () => {
    await alices.ask('typing.start', { conversationId })
    await bobs.until(
      'typing.started',
      ({ event, data }) => event === 'typing.started' && data?.conversationId === conversationId,
    )
    await alices.ask('typing.stop', { conversationId })
  })

const goOffline = ({ HttpApiUrl, alice, bob, bobs, check }: Scene): Promise<void> =>
  check('Who is connected is online, and offline soon after the socket has closed', async tell => {
    const statusOfBob = async () => {
      const { body } = await ask(HttpApiUrl, `GET /presence?userIds=${bob.id}`, { token: alice.token })
      return (body as { items: { status: string }[] }).items[0]?.status
    }
    assert.equal(await statusOfBob(), 'online')
    await bobs.close()
    const startedAt = Date.now()
    // The gateway does not always tell of a close; then it is the last frame that counts.
    while ((await statusOfBob()) !== 'offline') {
      assert.ok(Date.now() - startedAt < 60_000, 'still online a minute later')
      await delay(500)
    }
    tell(`after ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`)
  })

const replay = (scene: Scene): Promise<{ bobs: Socket; seq: number }> =>
  scene.check('What was sent to who is offline comes with the next connect, before session.ready', async tell => {
    const { conversationId, alices, bob } = scene
    const content = texts[1] ?? ''
    const { seq } = await alices.ask('message.send', { conversationId, content })
    const startedAt = Date.now()
    const bobs = await socketOf(scene, bob.token)
    tell(`ready ${((Date.now() - startedAt) / 1_000).toFixed(1)} s after the handshake began`)
    const batches = bobs.frames.filter(
      ({ event, data }) => event === 'messages.batch' && data?.conversationId === conversationId,
    )
    const replayed = batches.flatMap(({ data }) => data?.messages as { seq: number; content: string }[])
    assert.deepEqual(replayed.map(message => [message.seq, message.content]).at(-1), [seq, content])
    return { bobs, seq: Number(seq) }
  })

const repair = ({ conversationId, bobs, check }: Scene, seq: number): Promise<void> =>
  check('What is not acknowledged comes again', async tell => {
    const startedAt = Date.now()
    const comesAgain = ({ event, data }: Frame) =>
      event === 'messages.batch' &&
      data?.conversationId === conversationId &&
      (data.messages as { seq: number }[]).some(message => message.seq === seq)
    const already = bobs.frames.filter(comesAgain).length
    const heartbeats = setInterval(() => bobs.socket.send('{"action":"heartbeat","data":{}}'), 15_000)
    try {
      const again = (frame: Frame) => comesAgain(frame) && bobs.frames.filter(comesAgain).length > already
      await bobs.until('the message', again, 95_000)
    } finally {
      clearInterval(heartbeats)
    }
    tell(`after ${Math.round((Date.now() - startedAt) / 1_000)} s`)
  })

const readHistory = ({ HttpApiUrl, bob, conversationId, check }: Scene): Promise<void> =>
  check('History and unread counts are right', async () => {
    const path = `/conversations/${conversationId}`
    const { body } = await ask(HttpApiUrl, `GET ${path}/messages?limit=2`, { token: bob.token })
    assert.deepEqual(
      (body as { items: { content: string }[] }).items.map(({ content }) => content),
      texts,
    )
    const unread = await ask(HttpApiUrl, `GET ${path}/unread-count`, { token: bob.token })
    assert.equal((unread.body as { unreadCount: number }).unreadCount, 1)
  })

const synchronize = ({ HttpApiUrl, bob, bobs, conversationId, check }: Scene, afterSeq: number): Promise<void> =>
  check('A client can ask for what it lacks, over the socket and over HTTP', async () => {
    await bobs.ask('sync', { conversations: [{ id: conversationId, afterSeq }] })
    await bobs.until('sync.completed', ({ event }) => event === 'sync.completed')
    const { status, body } = await ask(HttpApiUrl, 'GET /sync', { token: bob.token })
    assert.equal(status, 200, `${status} ${JSON.stringify(body)}`)
    const { next } = body as { next: string }
    const again = await ask(HttpApiUrl, `GET /sync?since=${encodeURIComponent(next)}`, { token: bob.token })
    assert.equal(again.status, 200, `${again.status} ${JSON.stringify(again.body)}`)
  })

const erase = ({ HttpApiUrl, alice, bobs, conversationId, check }: Scene, seq: number): Promise<void> =>
  check('Its sender deletes a message for both', async () => {
    await bobs.ask('message.delivered', { conversationId, seq })
    const target = `/conversations/${conversationId}/messages`
    const { body } = await ask(HttpApiUrl, `GET ${target}?limit=2`, { token: alice.token })
    for (const { id } of (body as { items: { id: string }[] }).items) {
      const { status } = await ask(HttpApiUrl, `DELETE ${target}/${id}`, { token: alice.token })
      assert.equal(status, 204)
      await bobs.until('message.deleted', ({ event, data }) => event === 'message.deleted' && data?.messageId === id)
    }
  })

/** Two users talk. What they have sent is deleted in the end. */
export const chat: Story = async (target, tell) => {
  const { check } = tell
  const conversationId = await openConversation(target, tell)
  const sockets = await check('Both connect', async () => ({
    alices: await socketOf(target, target.alice.token),
    bobs: await socketOf(target, target.bob.token),
  }))
  const scene: Scene = { ...target, check, conversationId, ...sockets }
  const sent = await sendLive(scene)
  await sendAgain(scene, sent)
  await acknowledge(scene, sent)
  await typeSomething(scene)
  await goOffline(scene)
  const { bobs, seq } = await replay(scene)
  const after: Scene = { ...scene, bobs }
  await readHistory(after)
  if (target.slow) await repair(after, seq)
  else tell.skip('What is not acknowledged comes again', 'it takes up to 90 s: --slow')
  await synchronize(after, sent.seq)
  await erase(after, seq)
  await Promise.all([scene.alices.close(), bobs.close()])
}
