import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { businessName, userName } from '../../infra/local/main-service/names.ts'
import { type MessageStore, openRows } from '../../shared/messages/message-body.ts'
import { dumpDatabase, dumpRedis } from './dumps.ts'
import type { Stack } from './stack.ts'
import { messagesOf } from './stored-messages.ts'

/** What must not stand in a log. */
export interface Confidential {
  /** Texts of messages, names, secrets. */
  readonly texts: Iterable<string>
  /** UUIDs of users. */
  readonly userIds: Iterable<string>
}

/** What is shorter may be in a log by chance. */
const shortestText = 10
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi
const token = /\beyJ[\w-]{8,}\.[\w-]{8,}/
/** The ids of events, which nobody has. */
const shownIds = new Set(['requestId', 'messageId'])

/** UUIDs in a line of the logger's that do not say of themselves that they are of an event. */
const unmaskedIn = (line: string): string[] => {
  const [json] = /\{.*\}$/.exec(line) ?? []
  if (!json) return []
  const found: string[] = []
  JSON.parse(json, (key, value) => {
    if (typeof value === 'string' && !shownIds.has(key)) found.push(...(value.match(uuid) ?? []))
    return value
  })
  return found
}

const isJson = (line: string): boolean => {
  try {
    JSON.parse(/\{.*\}$/.exec(line)?.[0] ?? '')
    return true
  } catch {
    return false
  }
}

/** Where a log shows any of it: what, and the line. */
export const leaksIn = (log: string, { texts, userIds }: Confidential): string[] => {
  const lines = log.split('\n')
  const users = new Set(userIds)
  const leaks = new Set<string>()
  for (const line of lines) {
    if (token.test(line)) leaks.add(`a token: ${line}`)
    for (const id of line.match(uuid) ?? []) if (users.has(id.toLowerCase())) leaks.add(`the user ${id}: ${line}`)
    for (const id of isJson(line) ? unmaskedIn(line) : []) leaks.add(`the id ${id}: ${line}`)
  }
  for (const text of new Set(texts)) {
    if (text.length < shortestText) continue
    for (const form of new Set([text, JSON.stringify(text).slice(1, -1)])) {
      if (log.includes(form)) leaks.add(`${form}: ${lines.find(line => line.includes(form))}`)
    }
  }
  return [...leaks]
}

/** Which of these texts, and whether a token, is in a dump. */
export const foundIn = (dump: Buffer, texts: Iterable<string>): string[] => {
  const found = [...new Set(texts)].filter(text => text.length >= shortestText && dump.includes(text))
  const [jwt] = token.exec(dump.toString('latin1')) ?? []
  return jwt ? [...found, `a token: ${jwt}`] : found
}

const wordsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => [key, ...wordsIn(inner)])
    : []
}

/** What a stack knows that is nobody else's business: by its database, opened, and the files of its secrets. */
const knowledgeOf = async ({ outputs, directory }: Stack, store: MessageStore) => {
  const { db } = store
  const [users, conversations, businesses, rows] = await Promise.all([
    db.selectFrom('users').select(['id', 'kaha_id']).execute(),
    db.selectFrom('conversations').select('name').where('name', 'is not', null).execute(),
    db.selectFrom('businesses').select(['id', 'auto_reply']).execute(),
    db.selectFrom('messages').selectAll().execute(),
  ])
  const messages = await openRows(store, rows)
  const files = [directory.jwtSecret, directory.contentMasterKey, directory.logMaskKey, directory.serviceToken]
  const secrets = await Promise.all(files.map(file => readFile(file, 'utf8').catch(() => '')))
  return {
    userIds: users.map(({ id }) => id),
    kahaIds: users.map(({ kaha_id }) => kaha_id ?? ''),
    profileNames: [...users.map(({ id }) => userName(id)), ...businesses.map(({ id }) => businessName(id))],
    /** What people and businesses have called things; some tests send the same as a message. */
    settings: [...conversations.map(({ name }) => name ?? ''), ...businesses.map(({ auto_reply }) => auto_reply ?? '')],
    messages: messages.flatMap(({ content, metadata }) => [content ?? '', ...wordsIn(metadata)]),
    secrets: [...secrets, decodeURIComponent(new URL(outputs.DatabaseUrl).password)],
  }
}

/**
 * Rejects when a log of a stack shows a message, a name, a token, a secret, or an id of a user that is not masked; when its database
 * holds a message, a name of a user, a token or a secret as it is; or its Redis a message or a token. To be asked before the stack
 * ends, whose database says what there is to be found.
 */
export const requireNoLeaks = async (stack: Stack): Promise<void> => {
  const { outputs, directory } = stack
  const store = await messagesOf(stack)
  try {
    const known = await knowledgeOf(stack, store)
    const { userIds, kahaIds, profileNames, settings, messages, secrets } = known
    const files = await readdir(directory.logs)
    const logs = await Promise.all(files.map(file => readFile(join(directory.logs, file), 'utf8')))
    const texts = [...messages, ...settings, ...profileNames, ...kahaIds, ...secrets]
    const inLogs = leaksIn(logs.join('\n'), { texts, userIds })
    const ownMessages = messages.filter(text => !settings.includes(text))
    const inDatabase = foundIn(await dumpDatabase(store.db), [...ownMessages, ...profileNames, ...secrets])
    const inRedis = foundIn(await dumpRedis(outputs.RedisUrl), [...ownMessages, ...secrets])
    const leaks = [
      ...inLogs.map(text => `In a log ${text}`),
      ...inDatabase.map(text => `In the database ${text}`),
      ...inRedis.map(text => `In Redis ${text}`),
    ]
    if (leaks.length > 0) throw new Error(`The stack has let out:\n${leaks.slice(0, 20).join('\n')}`)
  } finally {
    await store.db.destroy()
  }
}
