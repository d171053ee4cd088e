/**
 * Every key that this service keeps in Redis, with its type, its life and its owner. All of it can be lost: Postgres is the
 * truth. Every key has a TTL, because the serverless cache evicts nothing else when it is full. What stands in braces decides
 * the hash slot; a command names keys of one slot only. Sets that everybody writes are split into 64 buckets by user.
 *
 * | key                          | type                                          | TTL      | owner                       |
 * | ---------------------------- | --------------------------------------------- | -------- | --------------------------- |
 * | `connections:{user}`         | hash: connection → connected at (ms); of a    | 2 h 10 m | `delivery/switchboard.ts`   |
 * |                              | business: of those who manage it              |          |                             |
 * | `connection-ends:{bucket}`   | sorted set: "user connection [business]" by   | 3 h      | `delivery/switchboard.ts`   |
 * |                              | the time (ms) at which it is to be closed     |          |                             |
 * | `online:{bucket}`            | sorted set: user by the time (ms) until which | 1 h      | `delivery/switchboard.ts`,  |
 * |                              | they count as online                          |          | `presence/`                 |
 * | `going-offline:{bucket}`     | sorted set: "user time until they were online"| 1 h      | `presence/online.ts`        |
 * |                              | by the time (ms) at which somebody else is to |          |                             |
 * |                              | tell that they went offline                   |          |                             |
 * | `last-seen:{user}`           | string: time (ms) at which the last socket    | 30 d     | `delivery/switchboard.ts`,  |
 * |                              | closed, or frames stopped                     |          | `presence/`                 |
 * | `missing:{user}`             | string: time (ms) at which an agent was found | 1 h      | `business/`                 |
 * |                              | offline, nobody knowing since when            |          |                             |
 * | `pending:{user}`             | hash: conversation → first `seq` that was not | 1 d      | `delivery/pending.ts`       |
 * |                              | acknowledged as delivered                     |          |                             |
 * | `pending-users:{bucket}`     | sorted set: user by the time (ms) since which | 1 h      | `delivery/pending.ts`       |
 * |                              | they have something pending                   |          |                             |
 * | `delivered:{conversation}`   | hash: user → delivered position               | 1 h      | `receipts/delivered.ts`     |
 * | `delivered-unsaved:{bucket}` | sorted set: "conversation user" by the        | 1 h      | `receipts/delivered.ts`     |
 * |                              | delivered position that Postgres does not     |          |                             |
 * |                              | have yet                                      |          |                             |
 * | `limit-sync:{connection}`    | counter: syncs of this minute                 | 1 m      | `limits/limits.ts`          |
 * | `limit-requests:{user}`,     | counters: requests, frames and handshakes of  | 1 m      | `limits/limits.ts`          |
 * | `limit-sends:{user}`         | this minute, and messages                     |          |                             |
 * | `limit-auth-failures:{addr}` | counter: refused tokens of this minute        | 1 m      | `limits/limits.ts`          |
 * | `ticket:{hash}`              | string: whom a ticket was given to, as JSON   | 30 s     | `auth/tickets.ts`           |
 * | `lease:{name}`               | string: who holds it                          | by lease | `redis/leases.ts`           |
 * | `done:{name}`                | string: this was done                         | by use   | `redis/leases.ts`           |
 * | `announced:{conversation}:…` | counter: moves of a user's position of one    | 1 s      | `receipts/`                 |
 * |                              | kind in this second                           |          |                             |
 * | `push-windows:{conv:user}`   | sorted set: starts (ms) of the ten seconds in | 5 m      | `notifications/`            |
 * |                              | which messages share a `collapseKey`          |          | `push-claims.ts`            |
 * | `profile:{kind:id}`          | hash: `entry`: what the main service said of  | 8 d      | `profiles/profile-cache.ts` |
 * |                              | a user or business, `change`: mark of the     |          |                             |
 * |                              | newest change there                           |          |                             |
 * | `list:{user}`                | hash: conversation → what the user's list     | 5 m      | `conversations/`            |
 * |                              | shows of its messages, with a version         |          | `list-cache.ts`             |
 * | `page:{conversation}:range`  | string: a page of history, with a version     | 1 m      | `messages/page-cache.ts`    |
 * | `typing:{conversation:user}` | hash: `until` when the others see that the    | 5 s      | `presence/typing-state.ts`  |
 * |                              | user types, `next`: when it may be passed on  |          |                             |
 * |                              | again (ms)                                    |          |                             |
 *
 * The TTL of a bucket is set by the sweep, each time it looks: so a send needs no command more for it.
 */
export const keys = {
  connections: (userId: string) => `connections:{${userId}}`,
  connectionEnds: (bucket: number) => `connection-ends:{c${bucket}}`,
  online: (bucket: number) => `online:{o${bucket}}`,
  goingOffline: (bucket: number) => `going-offline:{o${bucket}}`,
  lastSeen: (userId: string) => `last-seen:{${userId}}`,
  missing: (userId: string) => `missing:{${userId}}`,
  pending: (userId: string) => `pending:{${userId}}`,
  pendingUsers: (bucket: number) => `pending-users:{p${bucket}}`,
  delivered: (conversationId: string) => `delivered:{${conversationId}}`,
  deliveredUnsaved: (bucket: number) => `delivered-unsaved:{d${bucket}}`,
  ticket: (hash: string) => `ticket:{${hash}}`,
  lease: (name: string) => `lease:{${name}}`,
  done: (name: string) => `done:{${name}}`,
  announced: (conversationId: string, kind: 'delivered' | 'read', userId: string) =>
    `announced:{${conversationId}}:${kind}:${userId}`,
  pushWindows: (conversationId: string, userId: string) => `push-windows:{${conversationId}:${userId}}`,
  profile: (kind: 'user' | 'business', id: string) => `profile:{${kind}:${id}}`,
  list: (userId: string) => `list:{${userId}}`,
  page: (conversationId: string, range: string) => `page:{${conversationId}}:${range}`,
  typing: (conversationId: string, userId: string) => `typing:{${conversationId}:${userId}}`,
} as const

const hour = 60 * 60

/** Seconds. The gateway closes every connection after two hours. */
export const timeToLive = {
  connections: 2 * hour + 10 * 60,
  connectionEnds: 3 * hour,
  online: hour,
  lastSeen: 30 * 24 * hour,
  missing: hour,
  pending: 24 * hour,
  pendingUsers: hour,
  delivered: hour,
  deliveredUnsaved: hour,
  announced: 1,
  pushWindows: 5 * 60,
} as const

export const bucketCount = 64

/** 0 to 63. The end of an id is random in every version of UUID that is used here. */
export const bucketOf = (userId: string): number => Number.parseInt(userId.slice(-2), 16) % bucketCount

export const allBuckets: readonly number[] = Array.from({ length: bucketCount }, (_, bucket) => bucket)
