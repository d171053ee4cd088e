import type { Cluster } from 'ioredis'
import { Problem } from '../platform/problems.ts'
import { inOneRoundTrip, type RoundTrip } from '../redis/round-trip.ts'
import { createLimiter, type Limiter, unlimited } from './limiter.ts'

/** How many in a minute; 0 for any number. */
export interface LimitSettings {
  /** Messages of a user, however they come. */
  sends: number
  /** Requests, frames and handshakes of a user. */
  requests: number
  /** Refused tokens from an address. */
  authFailures: number
}

export const limitSettings: LimitSettings = { sends: 600, requests: 1_200, authFailures: 30 }

/** Shared by all functions, by way of Redis; each environment counts by itself while Redis does not answer. */
export interface Limits {
  /**
   * Counts a request, a frame or a handshake of a user, which may send a message, in one round trip. Rejects with `rate_limited`;
   * past twice the limit of requests with one that ends the socket.
   */
  countRequest(userId: string, options?: { isSend?: boolean; trip?: RoundTrip }): Promise<void>
  /** Counts a `sync` of a connection, in one round trip. Rejects with `rate_limited`. */
  countSync(connectionId: string): Promise<void>
  /** Counts a token that was refused; resolves to the seconds to wait, 0 within the limit. One round trip. */
  countAuthFailure(address: string): Promise<number>
}

/** Of a connection. It is no setting: clients are told, and keep to it. */
const syncs = 10

/** A socket that goes on for as many frames again as it may send is closed. */
const endsAtTimesTheLimit = 2

const inEnglish = new Intl.NumberFormat('en')

export const createLimits = (redis: Cluster, settings: LimitSettings): Limits => {
  const limiter = (name: string, points: number): Limiter =>
    points === 0 ? unlimited : createLimiter(redis, { name, points })
  const requests = limiter('limit-requests', settings.requests)
  const sends = limiter('limit-sends', settings.sends)
  const syncsOfConnection = limiter('limit-sync', syncs)
  const authFailures = limiter('limit-auth-failures', settings.authFailures)
  return {
    countRequest: async (userId, { isSend = false, trip } = {}) => {
      const count = (shared: RoundTrip) =>
        Promise.all([requests.count(userId, shared), (isSend ? sends : unlimited).count(userId, shared)])
      const [request, send] = await (trip ? count(trip) : inOneRoundTrip(redis, count))
      const retryAfterSeconds = Math.max(request.retryAfterSeconds, send.retryAfterSeconds)
      if (retryAfterSeconds === 0) return
      const most =
        request.retryAfterSeconds > 0
          ? `${inEnglish.format(settings.requests)} requests and frames`
          : `${inEnglish.format(settings.sends)} messages`
      throw new Problem('rate_limited', `At most ${most} a minute.`, {
        retryAfterSeconds,
        endsSocket: request.consumed > settings.requests * endsAtTimesTheLimit,
      })
    },
    countSync: async connectionId => {
      const { retryAfterSeconds } = await syncsOfConnection.count(connectionId)
      if (retryAfterSeconds === 0) return
      throw new Problem('rate_limited', `At most ${syncs} syncs a minute for each connection.`, { retryAfterSeconds })
    },
    countAuthFailure: async address => (await authFailures.count(address)).retryAfterSeconds,
  }
}
