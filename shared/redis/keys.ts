/**
 * Every key that this service keeps in Redis, with its type, its life and its owner. All of it can be lost: Postgres is the
 * truth. Every key has a TTL, because the serverless cache evicts nothing else when it is full. What stands in braces decides
 * the hash slot; a command names keys of one slot only.
 *
 * | key                  | type                                | TTL      | owner                       |
 * | -------------------- | ----------------------------------- | -------- | --------------------------- |
 * | `connections:{user}` | hash: connection id → connected at, | 2 h 10 m | `delivery/switchboard.ts`   |
 * |                      | in milliseconds since 1970          |          |                             |
 */
export const keys = {
  connections: (userId: string) => `connections:{${userId}}`,
} as const

/** Seconds. The gateway closes every connection after two hours. */
export const timeToLive = {
  connections: 2 * 60 * 60 + 10 * 60,
} as const
