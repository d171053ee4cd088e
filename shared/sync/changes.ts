import type { Viewer } from '../auth/caller.ts'
import type { Conversation } from '../conversations/conversations.schema.ts'
import { type LoadViewsDeps, loadViews } from '../conversations/load-views.ts'
import { listParticipants } from '../conversations/participants.repository.ts'
import { messageView } from '../messages/message.view.ts'
import type { Message } from '../messages/messages.schema.ts'
import { visibleAt } from '../messages/retention.config.ts'
import { Problem } from '../platform/problems.ts'
import { withDelivered } from '../receipts/delivered.ts'
import {
  type ChangedMessage,
  findChangedConversations,
  findChangedMessages,
  findLeft,
  findReads,
  readMoment,
  type Scope,
} from './changes.repository.ts'
import type { Changes, Deletion, ReadPosition } from './changes.schema.ts'
import { newestOf } from './snapshot.ts'
import { decodeSyncToken, encodeSyncToken, type Moment, type PagePosition, type SyncToken } from './sync-token.ts'

export type ChangesDeps = LoadViewsDeps

const longestTokenAgeMs = 7 * 24 * 60 * 60 * 1000

/** At most this much is in one answer. */
export interface PageSize {
  conversations: number
  /** Deletions among them. */
  messages: number
  /** Of messages, as they count for Lambda. */
  messageBytes: number
}

/**
 * Lambda answers with 6 MB at most, in which the body is JSON inside JSON, so escaped twice. 100 conversations, each with a last
 * message of the greatest length, take up to 2.5 MB, and the names and avatars of 800 participants, as long as they may be,
 * 1.5 MB: the rest is for messages.
 */
const defaultPageSize: PageSize = { conversations: 100, messages: 500, messageBytes: 1.75 * 1024 * 1024 }
/** Of a message beside its content and metadata: names of fields, ids, times. */
const bytesAroundContent = 600

const bytesOf = ({ content, metadata }: ChangedMessage): number =>
  bytesAroundContent + Buffer.byteLength(JSON.stringify(JSON.stringify([content, metadata])))

/** As many as one page takes, one at least. */
const fittingIn = (rows: readonly ChangedMessage[], size: PageSize): ChangedMessage[] => {
  let bytes = 0
  const end = rows.findIndex((row, index) => {
    bytes += bytesOf(row)
    return index === size.messages || (index > 0 && bytes > size.messageBytes)
  })
  return end === -1 ? [...rows] : rows.slice(0, end)
}

const tokenExpired = (detail: string) => new Problem('sync_token_expired', `${detail} Load everything anew.`)

/** A token is of use for 7 days: deletions are kept that long. And only in the history that it was taken from. */
const requireUsable = ({ epoch, lower, page }: SyncToken, current: { epoch: string; moment: Moment }): void => {
  if (current.moment.takenAt - lower.takenAt > longestTokenAgeMs) throw tokenExpired('The token is older than 7 days.')
  const isAhead = newestOf((page?.upper ?? lower).snapshot) > newestOf(current.moment.snapshot)
  if (epoch !== current.epoch || isAhead) throw tokenExpired('The service was restored from a backup.')
}

const viewsOf = async (
  { db, delivered }: ChangesDeps,
  userId: string,
  rows: readonly ChangedMessage[],
): Promise<Message[]> => {
  // Only one's own messages have a status, which depends on the others.
  const withOwn = new Set(rows.filter(row => row.sender_id === userId).map(row => row.conversation_id))
  const participants =
    withOwn.size === 0 ? [] : await withDelivered(delivered, await listParticipants(db, [...withOwn]))
  const others = Map.groupBy(
    participants.filter(participant => participant.user_id !== userId),
    participant => participant.conversation_id,
  )
  return rows.map(row => messageView(row, userId, others.get(row.conversation_id) ?? []))
}

const deletionsOf = (rows: readonly ChangedMessage[]): Deletion[] =>
  rows.flatMap(({ conversation_id: conversationId, id: messageId, seq, deleted_at }) =>
    deleted_at ? [{ conversationId, messageId, seq, deletedAt: deleted_at.toISOString() }] : [],
  )

interface Page {
  conversations: Conversation[]
  messages: Message[]
  deletions: Deletion[]
  reads: ReadPosition[]
  /** Where it ended; null when it was the last of its window. */
  end: PagePosition | null
}

const emptyPage: Page = { conversations: [], messages: [], deletions: [], reads: [], end: null }

/**
 * A stretch of a window: conversations in the order of their ids, and of each first what changed about it, then its messages
 * and deletions in the order of `seq`.
 */
const loadPage = async (
  deps: ChangesDeps,
  scope: Scope,
  from: PagePosition | undefined,
  size: PageSize,
): Promise<Page> => {
  const { db, clock } = deps
  const found = await findChangedConversations(db, scope, from, size.conversations + 1)
  if (found.length === 0) return emptyPage
  const candidates = found.slice(0, size.conversations)
  const rows = await findChangedMessages(deps, scope, {
    conversationIds: candidates.map(({ id }) => id),
    from,
    sentSince: visibleAt(clock.now()).sent,
    limit: size.messages + 1,
  })
  const fitting = fittingIn(rows, size)
  const cutAt = fitting.length < rows.length ? fitting.at(-1) : undefined
  const toldBefore = from?.within ? from.conversationId : undefined
  const reached = candidates.filter(({ id }) => id !== toldBefore && (!cutAt || id <= cutAt.conversation_id))
  const withMessages = new Set(fitting.map(row => row.conversation_id))
  const [conversations, messages, reads] = await Promise.all([
    loadViews(
      deps,
      scope.viewer,
      reached.filter(({ id, is_changed }) => is_changed || withMessages.has(id)),
    ),
    viewsOf(
      deps,
      scope.viewer.id,
      fitting.filter(row => row.deleted_at === null),
    ),
    findReads(
      db,
      scope.window,
      reached.map(({ id }) => id),
    ),
  ])
  const lastId = found.length > candidates.length ? candidates.at(-1)?.id : undefined
  // What the caller has left since the candidates were found is missing among the views.
  const told = new Set([toldBefore, ...conversations.map(({ id }) => id)])
  return {
    conversations,
    messages: messages.filter(({ conversationId }) => told.has(conversationId)),
    deletions: deletionsOf(fitting).filter(({ conversationId }) => told.has(conversationId)),
    reads: reads.map(row => ({
      conversationId: row.conversation_id,
      userId: row.user_id,
      lastReadSeq: row.last_read_seq,
    })),
    end: cutAt
      ? { conversationId: cutAt.conversation_id, within: { seq: cutAt.seq, boundary: cutAt.boundary } }
      : lastId === undefined
        ? null
        : { conversationId: lastId, within: null },
  }
}

/**
 * What changed for the viewer since a token, page by page; without one, a token for now. The way to use it: take a token, load
 * what is to be shown by the other routes, then ask with each answer's `next`, at once while `hasMore`.
 *
 * Out of an answer's lists first `left` is applied, then `conversations`, then the rest. A conversation is told when its name,
 * its participants, their roles or positions, the caller's own settings of it or its messages changed, as the caller sees it
 * by now, and always on or before the page with its messages. `left` names conversations in which the caller's part ended,
 * those among them that they have joined again, which come under `conversations` as well: joining starts anew, so the client
 * drops what it had. It may name one that the client has never heard of. A message that was sent and deleted since comes as a
 * deletion only.
 *
 * A window is what committed after one snapshot of the database and before another, whatever the time and order within, so a
 * transaction that was still running at the token is in a later window, and none is in two. The upper snapshot is taken with
 * the first page. A row that changes after it while pages are read drops out of this window and comes with the next.
 * Messages, deletions and departures come once, read positions once for each move. Repeating a call with a token gives the
 * same window while nothing changes, and changes nothing.
 *
 * To a business come the changes of all its conversations, as to one who has been in them since ever. It has read everything
 * and has no positions of its own, so `reads` are those of the customers and the agents. A token is of use for the user and
 * the business that it was given to.
 *
 * Three statements when nothing changed, nine for a page. The first looks at every conversation of the viewer, a few µs each.
 *
 * Throws `invalid_cursor` (not a token of this user and business) and `sync_token_expired` (older than 7 days, or from before a restore).
 */
export const changesSince = async (
  deps: ChangesDeps,
  viewer: Viewer,
  since?: string,
  size: PageSize = defaultPageSize,
): Promise<Changes> => {
  const token = since === undefined ? undefined : decodeSyncToken(viewer, since)
  const { epoch, snapshot } = await readMoment(deps.db)
  const here: Moment = { takenAt: deps.clock.now().getTime(), snapshot }
  const answer = (page: Page, left: string[], next: Omit<SyncToken, 'epoch'>): Changes => {
    const { end: _, ...lists } = page
    return { ...lists, left, next: encodeSyncToken(viewer, { epoch, ...next }), hasMore: page.end !== null }
  }
  if (!token) return answer(emptyPage, [], { lower: here, page: null })
  requireUsable(token, { epoch, moment: here })
  const { lower } = token
  const upper = token.page?.upper ?? here
  const scope: Scope = { viewer, window: { lower: lower.snapshot, upper: upper.snapshot } }
  const [page, left] = await Promise.all([
    loadPage(deps, scope, token.page?.position, size),
    token.page ? [] : findLeft(deps.db, scope),
  ])
  return answer(page, left, page.end ? { lower, page: { upper, position: page.end } } : { lower: upper, page: null })
}
