import { createHash, randomUUID } from 'node:crypto'
import { tokenFor } from '../../support/tokens.ts'
import type { DocumentedRoute } from './documented-requests.ts'
import { succeed } from './succeed.ts'

/** A list that comes in pages, of somebody who has something in each, and what is said of a place in it. */
export interface PagedList {
  /** As the documents have its route. */
  readonly key: string
  /** Ends where the cursor follows. */
  readonly target: string
  /** Of another list of the same kind: other filters, or another business. */
  readonly otherTargets: readonly string[]
  /** What a cursor is good for, as the code says. */
  readonly scope: readonly unknown[]
  readonly cursor: string
}

export interface ListOwner {
  readonly token: string
  readonly lists: readonly PagedList[]
}

export const takesCursor = ({ query }: DocumentedRoute): boolean => query.includes('cursor') || query.includes('since')

/** Whoever manages a business and has more than one of everything that is listed. */
export const openLists = async (): Promise<ListOwner> => {
  const [userId, businessId] = [randomUUID(), randomUUID()]
  const token = await tokenFor(userId, { businessId })
  for (let count = 0; count < 3; count += 1) {
    await succeed('POST /conversations/direct', token, { targetUserId: randomUUID() })
    await succeed(`POST /business/${businessId}/agents/${randomUUID()}`, token)
    await succeed('POST /conversations/business', await tokenFor(randomUUID()), { businessId })
  }
  const list = async (path: string, scope: readonly unknown[], ...otherTargets: string[]): Promise<PagedList> => {
    const body = await succeed(`GET ${path}?limit=1`, token)
    const key = `GET ${path.replace(businessId, '{businessId}')}`
    const target = `GET ${path}?limit=1&cursor=`
    return { key, target, otherTargets, scope, cursor: String(body.nextCursor) }
  }
  const business = `/business/${businessId}`
  const since = String((await succeed('GET /sync', token)).next)
  return {
    token,
    lists: [
      await list(
        '/conversations',
        ['conversations', userId, null, null, null],
        'GET /conversations?type=direct&cursor=',
        'GET /conversations?unread=true&cursor=',
        'GET /conversations?search=a&cursor=',
      ),
      await list(`${business}/inbox`, ['inbox', businessId, null, null], `GET ${business}/inbox?status=queued&cursor=`),
      await list(`${business}/agents`, ['agents', businessId]),
      await list(`${business}/agents/stats`, ['agents', businessId]),
      {
        key: 'GET /sync',
        target: 'GET /sync?since=',
        otherTargets: [],
        scope: ['sync', userId, businessId],
        cursor: since,
      },
    ],
  }
}

const checkLength = 16

export const positionIn = (cursor: string): unknown =>
  JSON.parse(Buffer.from(cursor, 'base64url').toString().slice(checkLength))

/** A cursor as anybody can make it who has read the code: what is in one is no secret, and nothing is signed. */
export const forgedCursor = (scope: readonly unknown[], position: unknown): string => {
  const text = typeof position === 'string' ? position : JSON.stringify(position)
  const check = createHash('sha256')
    .update(`${JSON.stringify(scope)}\n${text}`)
    .digest('base64url')
  return Buffer.from(`${check.slice(0, checkLength)}${text}`).toString('base64url')
}

const hostileValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  2 ** 31,
  2 ** 63,
  Number.MAX_SAFE_INTEGER,
  0.5,
  1e308,
  '',
  '0',
  "' or 1=1 --",
  '\u0000',
  '0000-01-01T00:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
  '2025-02-30T00:00:00.000Z',
  'infinity',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  [],
  {},
]

/** A position with each of its parts, and itself, replaced by each of the hostile values. */
const hostileVariants = (position: unknown): unknown[] => [
  ...hostileValues,
  ...(Array.isArray(position)
    ? position.flatMap((part, index) => hostileVariants(part).map(hostile => position.with(index, hostile)))
    : []),
]

/** Positions that no list has given, in cursors whose check is right. */
export const hostileCursors = ({ key, scope, cursor }: PagedList): string[] => {
  const position = positionIn(cursor) as unknown[]
  // A page of a sync that has come half-way: the same moment, and a place in it.
  const withPage = [...position.slice(0, 3), [position[2], randomUUID(), [1, 1]]]
  const positions = [position, ...(key === 'GET /sync' ? [withPage] : [])]
  const texts = ['', '[', 'undefined', '['.repeat(2_000), '{"length":2}', '{"__proto__":[]}']
  return [...positions.flatMap(hostileVariants), ...texts].map(hostile => forgedCursor(scope, hostile))
}
