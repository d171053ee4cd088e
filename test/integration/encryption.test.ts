import { randomBytes, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { sql } from 'kysely'
import pg from 'pg'
import { v7 } from 'uuid'
import { createHandler as rotateKeysHandler } from '../../functions/schedule/rotate-keys.ts'
import type { Conversation } from '../../shared/conversations/conversations.schema.ts'
import { listOwnConversations } from '../../shared/conversations/conversations.ts'
import { createListCache } from '../../shared/conversations/list-cache.ts'
import { type ContentKeys, createContentKeys } from '../../shared/encryption/content-keys.ts'
import { type KeyWrapping, localWrapping } from '../../shared/encryption/key-wrapping.ts'
import { makeFirstKey } from '../../shared/encryption/rotation.ts'
import type { Message, MessagePage } from '../../shared/messages/messages.schema.ts'
import { readHistory } from '../../shared/messages/messages.ts'
import { createPageCache } from '../../shared/messages/page-cache.ts'
import { type ReEncryptionReport, reEncrypt } from '../../shared/messages/re-encryption.ts'
import { sendMessage } from '../../shared/messages/send-message.ts'
import { logger } from '../../shared/platform/logger.ts'
import { Problem } from '../../shared/platform/problems.ts'
import type { Changes } from '../../shared/sync/changes.schema.ts'
import { openContentKeys, testWrapping } from '../support/content-keys.ts'
import { dumpDatabase } from '../support/dumps.ts'
import { lambdaContext } from '../support/lambda.ts'
import { createOwnDatabase, type OwnDatabase } from '../support/own-database.ts'
import { storedMessages, storeMessages } from '../support/stored-messages.ts'
import { openWorld, type World } from '../support/world.ts'
import { forgetWrittenMetrics, writtenValues } from '../support/written-metrics.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

// Keys are those of the whole database: each test has one of its own.
let empty: OwnDatabase | undefined
let database: OwnDatabase
let world: World
beforeEach(async () => {
  empty ??= await createOwnDatabase()
  database = await empty.copy()
  world = await openWorld({}, { databaseUrl: database.url, poolSize: 20 })
}, 30_000)
afterEach(async () => {
  jest.restoreAllMocks()
  await world.close()
  await database.close()
})
afterAll(() => empty?.close())

const newConversation = async () => {
  const [alice, bob] = [world.newUser(), world.newUser()]
  const { body } = await world.http<Conversation>(alice, 'POST /conversations/direct', { body: { targetUserId: bob } })
  return { alice, bob, id: body.id }
}
const send = async (userId: string, id: string, body: object) =>
  world.http<Message>(userId, `POST /conversations/${id}/messages`, { body })
const history = async (userId: string, id: string, query = '') =>
  world.http<MessagePage>(userId, `GET /conversations/${id}/messages${query}`)

const rotation = () => rotateKeysHandler({ ...world.deps, wrapping: testWrapping, keyDays: 30 })
type Run = ReEncryptionReport & { rotated: string | null }
const rotate = async (event: object = {}): Promise<Run> => (await rotation()(event, lambdaContext())) as Run
const keys = () => database.db.selectFrom('content_keys').selectAll().orderBy('id').execute()
const usedKeys = async () => {
  const { rows } = await sql<{ key_id: number }>`
    select distinct key_id from messages where key_id is not null order by key_id`.execute(database.db)
  return rows.map(row => row.key_id)
}

/** The server's files, its write-ahead log among them, as a thief of the disk has them. */
const filesHold = async (text: string): Promise<boolean> => {
  const url = new URL(database.url)
  url.username = 'postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  const { rows } = await client.query('show data_directory')
  await client.query('checkpoint')
  await client.end()
  const directory = String(rows[0]?.data_directory)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  for (const entry of entries.filter(each => each.isFile())) {
    // Files of other tests' databases come and go.
    const file = await readFile(join(entry.parentPath, entry.name)).catch(() => Buffer.alloc(0))
    if (file.includes(text)) return true
  }
  return false
}

describe('the database', () => {
  test('holds no text of a message, nor of its metadata, in its tables or its files', async () => {
    const marker = randomBytes(12).toString('hex')
    const { alice, bob, id } = await newConversation()
    const metadata = { [`key ${marker}`]: `value ${marker}` }
    const { body: message } = await send(alice, id, { content: `Over HTTP ${marker}`, metadata })
    const socket = await world.connect(bob)
    const sent = await socket.send({
      action: 'message.send',
      requestId: '1',
      data: { conversationId: id, content: `Over the socket ${marker}`, metadata },
    })
    expect(sent).toMatchObject({ event: 'ack' })
    await world.http(bob, `DELETE /conversations/${id}/messages/${message.id}`)
    await world.drain()
    expect((await history(bob, id)).body.items).toMatchObject([
      { content: `Over HTTP ${marker}`, metadata },
      { content: `Over the socket ${marker}`, metadata },
    ])
    expect((await dumpDatabase(database.db)).includes(marker)).toBe(false)
    expect(await filesHold(marker)).toBe(false)

    // The search finds what is there: names of groups are stored as they are.
    const name = `Group ${marker}`
    await world.http(alice, 'POST /conversations/group', { body: { participantIds: [bob], name } })
    expect((await dumpDatabase(database.db)).includes(marker)).toBe(true)
    expect(await filesHold(marker)).toBe(true)
  })

  test('keeps content and metadata as they came', async () => {
    const { alice, bob, id } = await newConversation()
    const metadata = { note: '\u0000 and \ud83d\ude00', nested: { deep: [1, null, '"\\'] } }
    const content = 'Zeilen\nund\t"Zeichen" \\ नमस्ते 😀'
    await send(alice, id, { content, metadata })
    await send(alice, id, { content: 'x'.repeat(4_000) })
    const { items } = (await history(bob, id)).body
    expect(items).toMatchObject([
      { content, metadata },
      { content: 'x'.repeat(4_000), metadata: null },
    ])
  })

  test('has one active key, however many migrations make the first at once', async () => {
    await sql`delete from content_keys`.execute(database.db)
    const deps = { db: database.db, wrapping: testWrapping }
    await Promise.all(Array.from({ length: 10 }, () => makeFirstKey(deps, new Date())))
    expect(await keys()).toHaveLength(1)
  })

  test('that was made with another master key says so at the start, and takes nothing that nobody could read', async () => {
    const { alice, id } = await newConversation()
    const wrapping = localWrapping(randomBytes(32))
    await expect(makeFirstKey({ db: database.db, wrapping }, new Date())).rejects.toThrow('another master key')
    const strange = createContentKeys({ wrapping, clock: world.clock })
    const sending = { conversationId: id, senderId: alice, content: 'Hi' }
    await expect(sendMessage({ ...world.deps, contentKeys: strange }, sending)).rejects.toThrow('another master key')
    expect((await history(alice, id)).body.items).toEqual([])
  })
})

describe('a message that can not be opened', () => {
  const pageWith = async (spoil: (ids: { conversationId: string; messageId: string }) => Promise<unknown>) => {
    const { alice, bob, id } = await newConversation()
    for (const content of ['One', 'Two', 'Three']) await send(alice, id, { content })
    const [, spoilt] = (await history(bob, id)).body.items
    await spoil({ conversationId: id, messageId: spoilt?.id ?? '' })
    const told = jest.spyOn(logger, 'error').mockImplementation(() => {})
    forgetWrittenMetrics()
    const page = await history(bob, id)
    expect(writtenValues('UnreadableMessages')).toEqual([1])
    expect(page).toMatchObject({
      status: 200,
      body: { items: [{ content: 'One' }, { content: null, metadata: null, deletedAt: null }, { content: 'Three' }] },
    })
    expect(told.mock.calls).toEqual([
      ['Messages can not be decrypted', { unreadable: [{ messageId: spoilt?.id, keyId: expect.any(Number) }] }],
    ])
    const one = await world.http(bob, `GET /conversations/${id}/messages/${spoilt?.id}`)
    expect(one).toMatchObject({ status: 200, body: { seq: 2, content: null, deletedAt: null } })
    await world.http(alice, `DELETE /conversations/${id}/messages/${spoilt?.id}`)
    expect((await history(bob, id)).body.items[1]).toMatchObject({ content: null, deletedAt: expect.any(String) })
  }

  test('because it was changed, leaves the rest of its page as it is', () =>
    pageWith(({ messageId }) =>
      sql`update messages set body = set_byte(body, 15, get_byte(body, 15) # 1) where id = ${messageId}`.execute(
        database.db,
      ),
    ))

  test('because it was put in the place of another, likewise', () =>
    pageWith(({ conversationId, messageId }) =>
      sql`
        update messages set body = (select body from messages where conversation_id = ${conversationId} and seq = 1)
        where id = ${messageId}`.execute(database.db),
    ))

  test('because its key is gone, likewise', () =>
    pageWith(({ messageId }) => sql`update messages set key_id = 99 where id = ${messageId}`.execute(database.db)))

  test('for the moment only, because its key can not be had, is no reason to show nothing in its place', async () => {
    const { alice, id } = await newConversation()
    await send(alice, id, { content: 'There' })
    let isDown = true
    const unwrap: KeyWrapping['unwrap'] = async wrapped => {
      if (isDown) throw new Problem('store_unavailable', 'KMS is down')
      return testWrapping.unwrap(wrapped)
    }
    const contentKeys = createContentKeys({ wrapping: { ...testWrapping, unwrap }, clock: world.clock })
    const read = () =>
      readHistory(
        { ...world.deps, contentKeys, pageCache: null },
        { caller: { id: alice }, conversationId: id, limit: 50 },
      )
    const sending = { conversationId: id, senderId: alice, content: 'Again' }
    await expect(read()).rejects.toMatchObject({ code: 'store_unavailable' })
    await expect(sendMessage({ ...world.deps, contentKeys }, sending)).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    isDown = false
    expect(await read()).toMatchObject({ items: [{ content: 'There' }] })
    expect(await sendMessage({ ...world.deps, contentKeys }, sending)).toMatchObject({ message: { seq: 2 } })
  })
})

describe('keys', () => {
  const counting = () => {
    const counted = { unwraps: 0 }
    const wrapping = {
      ...testWrapping,
      unwrap: (wrapped: Uint8Array) => {
        counted.unwraps += 1
        return testWrapping.unwrap(wrapped)
      },
    }
    return { counted, contentKeys: createContentKeys({ wrapping, clock: world.clock }) }
  }

  test('are unwrapped once for callers at the same time, and anew after an hour', async () => {
    const { counted, contentKeys } = counting()
    const { id: keyId } = await contentKeys.active(database.db)
    await Promise.all(Array.from({ length: 20 }, () => contentKeys.find(database.db, [keyId, keyId])))
    await Promise.all(Array.from({ length: 20 }, () => contentKeys.active(database.db)))
    expect(counted.unwraps).toBe(1)
    world.clock.advance(61 * minute)
    await Promise.all(Array.from({ length: 20 }, () => contentKeys.active(database.db)))
    expect(counted.unwraps).toBe(2)
  })

  test('that are new are used within five minutes, and at once to read with', async () => {
    const { contentKeys } = counting()
    const { id: first } = await contentKeys.active(database.db)
    const { rotated } = await rotate({ force: true })
    expect((await contentKeys.active(database.db)).id).toBe(first)
    expect((await contentKeys.find(database.db, [Number(rotated)])).size).toBe(1)
    world.clock.advance(5 * minute)
    expect((await contentKeys.active(database.db)).id).toBe(Number(rotated))
  })

  test('get a successor when they are 30 days old, which goes on record', async () => {
    world.clock.advance(29 * day)
    expect(await rotate()).toMatchObject({ rotated: null, moved: 0, finished: true })
    expect(world.audits).toEqual([])
    world.clock.advance(day)
    const { rotated } = await rotate()
    const [first, second] = await keys()
    expect(rotated).toBe(String(second?.id))
    expect([first?.retired_at, second?.retired_at]).toEqual([expect.any(Date), null])
    const target = { contentKeyId: String(second?.id), retiredContentKeyId: String(first?.id) }
    expect(world.audits).toEqual([{ action: 'key.rotated', target }])
    expect((await rotate()).rotated).toBeNull()
  })

  test('get one successor when many runs find at once that it is due', async () => {
    world.clock.advance(30 * day)
    const runs = await Promise.all(Array.from({ length: 10 }, () => rotate()))
    expect(runs.filter(({ rotated }) => rotated !== null)).toHaveLength(1)
    expect((await keys()).map(({ retired_at }) => retired_at)).toEqual([expect.any(Date), null])
  })

  test('leave one active, however many runs are told to give them a successor at once', async () => {
    const runs = await Promise.all(Array.from({ length: 10 }, () => rotate({ force: true })))
    const made = runs.flatMap(({ rotated }) => (rotated === null ? [] : [Number(rotated)])).sort((a, b) => a - b)
    const [, ...successors] = await keys()
    expect(successors.map(({ id }) => id)).toEqual(made)
    expect(successors.map(({ retired_at }) => retired_at === null)).toEqual(made.map(id => id === made.at(-1)))
  })

  test('that are retired stay while anybody may still encrypt with them, and go when their messages have moved', async () => {
    const { alice, bob, id } = await newConversation()
    await send(alice, id, { content: 'Before' })
    const [first] = await keys()
    await rotate({ force: true })
    await send(alice, id, { content: 'An environment that does not know of it yet' })
    expect(await usedKeys()).toEqual([first?.id])
    world.clock.advance(59 * minute)
    expect(await rotate()).toMatchObject({ moved: 0, destroyed: [] })
    await send(alice, id, { content: 'After' })
    expect(await usedKeys()).toHaveLength(2)

    world.clock.advance(minute)
    expect(await rotate()).toMatchObject({ moved: 2, destroyed: [first?.id], unreadable: 0, finished: true })
    expect(await usedKeys()).toEqual((await keys()).map(key => key.id))
    expect(world.audits.at(-1)).toEqual({ action: 'key.destroyed', target: { contentKeyId: String(first?.id) } })
    const contents = (await history(bob, id)).body.items.map(({ content }) => content)
    expect(contents).toEqual(['Before', 'An environment that does not know of it yet', 'After'])
  })

  test('that were destroyed take nothing from lists and pages that were kept before', async () => {
    const { alice, bob, id } = await newConversation()
    await send(alice, id, { content: 'Kept under the first key' })
    await rotate({ force: true })
    world.clock.advance(hour)
    const deps = {
      ...world.deps,
      listCache: createListCache(world.redis, 300),
      pageCache: createPageCache(world.redis, 60),
    }
    const readAll = async (contentKeys: ContentKeys) => [
      (await listOwnConversations({ ...deps, contentKeys }, bob, { limit: 20 })).items[0]?.lastMessage?.content,
      (await readHistory({ ...deps, contentKeys }, { caller: { id: bob }, conversationId: id, limit: 50 })).items[0]
        ?.content,
    ]
    const [first] = await keys()
    expect(await readAll(world.deps.contentKeys)).toEqual(Array(2).fill('Kept under the first key'))
    expect(await rotate()).toMatchObject({ moved: 1, destroyed: [first?.id] })
    // An environment that has never had the key.
    expect(await readAll(openContentKeys(world.clock))).toEqual(Array(2).fill('Kept under the first key'))
  })

  test('are not destroyed while a message can not be moved, and that is said', async () => {
    const { alice, id } = await newConversation()
    for (const content of ['One', 'Two']) await send(alice, id, { content })
    await sql`update messages set body = 'damaged, or of some other key' where seq = 1`.execute(database.db)
    await rotate({ force: true })
    world.clock.advance(hour)
    const told = jest.spyOn(logger, 'error').mockImplementation(() => {})
    forgetWrittenMetrics()
    expect(await rotate()).toMatchObject({ moved: 1, unreadable: 1, destroyed: [], finished: false })
    expect(told).toHaveBeenCalledTimes(1)
    expect(writtenValues('UnreadableMessages')).toEqual([1])
    await sql`delete from messages where seq = 1`.execute(database.db)
    expect(await rotate()).toMatchObject({ moved: 0, unreadable: 0, destroyed: [expect.any(Number)], finished: true })
  })
})

describe('re-encryption', () => {
  const count = 1_200
  const batches = (most: number) => {
    let left = most
    return () => left-- > 0
  }
  const run = (hasTime: () => boolean) => reEncrypt(world.deps, { now: world.clock.now(), hasTime })
  const filled = async () => {
    const conversation = await newConversation()
    await world.storeMessages(conversation.alice, conversation.id, count)
    return conversation
  }

  test('that is broken off again and again goes on where it stopped, and looks at everything once more at the end', async () => {
    const { bob, id } = await filled()
    const before = await storedMessages(world.deps, id)
    await rotate({ force: true })
    world.clock.advance(hour)
    // Each run begins with a batch of what is stored in plain, of which there is nothing.
    const moved = []
    for (let n = 0; n < 6; n += 1) moved.push(await run(batches(2)))
    expect(moved.map(report => report.moved)).toEqual([500, 500, 200, 0, 0, 0])
    expect(moved.map(report => report.destroyed.length)).toEqual([0, 0, 0, 0, 0, 1])
    expect(await storedMessages(world.deps, id)).toEqual(before)
    expect((await history(bob, id, '?limit=100')).body.items).toHaveLength(100)
  })

  test('by several runs at once is done once', async () => {
    await filled()
    await rotate({ force: true })
    world.clock.advance(hour)
    const runs = await Promise.all([run(batches(20)), run(batches(20)), run(batches(20))])
    expect(runs.reduce((sum, { moved }) => sum + moved, 0)).toBe(count)
    await run(batches(20))
    expect(await usedKeys()).toEqual((await keys()).map(key => key.id))
    expect(await keys()).toHaveLength(1)
  })

  test('is nothing that a client synchronizes', async () => {
    const { alice, id } = await filled()
    const { body } = await world.http<Changes>(alice, 'GET /sync')
    await rotate({ force: true })
    world.clock.advance(hour)
    await rotate()
    expect((await world.http<Changes>(alice, `GET /sync?since=${body.next}`)).body).toMatchObject({
      conversations: [],
      messages: [],
      deletions: [],
      hasMore: false,
    })
    await send(alice, id, { content: 'Next' })
    expect((await world.http<Changes>(alice, `GET /sync?since=${body.next}`)).body.messages).toHaveLength(1)
  })

  test('leaves what is deleted while it runs deleted', async () => {
    const { alice, id } = await filled()
    const victims = (await storedMessages(world.deps, id)).filter(({ seq }) => seq % 40 === 0)
    await rotate({ force: true })
    world.clock.advance(hour)
    const [report] = await Promise.all([
      rotate(),
      ...victims.map(message => world.http(alice, `DELETE /conversations/${id}/messages/${message.id}`)),
    ])
    expect(report).toMatchObject({ unreadable: 0, destroyed: [expect.any(Number)] })
    const rows = await storedMessages(world.deps, id)
    expect(rows.filter(({ deleted_at }) => deleted_at).map(({ id }) => id)).toEqual(victims.map(({ id }) => id))
    for (const { seq, content } of rows) expect(content).toBe(seq % 40 === 0 ? null : `No. ${seq}`)
    const { rows: bodies } = await sql`select from messages where deleted_at is not null and body is not null`.execute(
      database.db,
    )
    expect(bodies).toEqual([])
  })

  test('goes on beside sends, reads and rotations, of which no message is lost and none unreadable', async () => {
    const { alice, bob, id } = await filled()
    const told = jest.spyOn(logger, 'error').mockImplementation(() => {})
    let isOver = false
    const contents = new Map<number, string>()
    const sendOn = async (name: string) => {
      for (let n = 0; !isOver; n += 1) {
        const content = `${name} ${n}`
        const { status, body } = await send(alice, id, { content })
        expect(status).toBe(201)
        contents.set(body.seq, content)
      }
    }
    const readOn = async () => {
      while (!isOver) {
        const { status, body } = await history(bob, id, '?limit=100')
        expect(status).toBe(200)
        expect(body.items.filter(({ content }) => content === null)).toEqual([])
        await delay(1)
      }
    }
    const others = [sendOn('First'), sendOn('Second'), readOn(), readOn()]
    try {
      for (let n = 0; n < 3; n += 1) {
        await Promise.all([rotate({ force: true }), rotate({ force: true })])
        await Promise.race([Promise.all(others), delay(200)])
        world.clock.advance(hour)
        const { unreadable, finished, destroyed } = await rotate()
        expect([unreadable, finished, destroyed.length > 0]).toEqual([0, true, true])
      }
    } finally {
      isOver = true
    }
    await Promise.all(others)
    expect(told).not.toHaveBeenCalled()
    expect(await keys()).toHaveLength(1)
    const rows = await storedMessages(world.deps, id)
    expect(contents.size).toBeGreaterThan(10)
    expect(rows).toHaveLength(count + contents.size)
    for (const { seq, content } of rows) expect(content).toBe(contents.get(seq) ?? `No. ${seq}`)
  }, 60_000)
})

describe('messages from before they were encrypted', () => {
  test('are shown as they are, encrypted by the job, and then shown as before', async () => {
    const { alice, bob, id } = await newConversation()
    const marker = randomUUID()
    const { body: start } = await world.http<Changes>(bob, 'GET /sync')
    // As the functions send that are replaced after the migration.
    await sql`
      select send_message(uuidv7(), ${id}::uuid, ${alice}::uuid, 'text', ${marker} || ' ' || n, ${'{"reply":"\\u0000"}'}::json, now())
      from generate_series(1, 700) as n`.execute(database.db)
    const deleted = v7()
    await sql`
      select send_message(${deleted}::uuid, ${id}::uuid, ${alice}::uuid, 'text', ${marker}, null::json, now())`.execute(
      database.db,
    )
    await world.http(alice, `DELETE /conversations/${id}/messages/${deleted}`)
    const before = (await history(bob, id)).body
    expect(before.items[0]).toMatchObject({ content: `${marker} 652`, metadata: { reply: '\u0000' } })
    expect(before.items.at(-1)).toMatchObject({ content: null, deletedAt: expect.any(String) })
    expect((await dumpDatabase(database.db)).includes(marker)).toBe(true)

    expect(await rotate()).toMatchObject({ encrypted: 700, moved: 0, finished: true })
    expect((await dumpDatabase(database.db)).includes(marker)).toBe(false)
    expect((await history(bob, id)).body).toEqual(before)
    const { body } = await world.http<Changes>(bob, `GET /sync?since=${start.next}`)
    expect(body.messages[0]).toMatchObject({ seq: 1, content: `${marker} 1`, metadata: { reply: '\u0000' } })
    expect(await rotate()).toMatchObject({ encrypted: 0, finished: true })
  })

  test('are encrypted once by several runs at once', async () => {
    const { alice, id } = await newConversation()
    await sql`
      select send_message(uuidv7(), ${id}::uuid, ${alice}::uuid, 'text', 'No. ' || n, null::json, now())
      from generate_series(1, 1200) as n`.execute(database.db)
    const runs = await Promise.all([rotate(), rotate(), rotate()])
    expect(runs.reduce((sum, { encrypted }) => sum + encrypted, 0)).toBe(1_200)
    const rows = await storedMessages({ db: database.db, contentKeys: openContentKeys() }, id)
    for (const { seq, content } of rows) expect(content).toBe(`No. ${seq}`)
    expect(await storeMessages(world.deps, { conversationId: id, senderId: alice }, ['Next'])).toHaveLength(1)
  })
})
