import type { Cluster } from 'ioredis'
import { keys } from '../redis/keys.ts'
import { runPipeline } from '../redis/pipeline.ts'
import type { TypingSettings } from './settings.ts'

export interface Typist {
  conversationId: string
  userId: string
}

const claimScript = `
local known = redis.call('hmget', KEYS[1], 'until', 'next')
if known[2] and tonumber(known[2]) > tonumber(ARGV[1]) then return known[1] end
redis.call('hset', KEYS[1], 'until', ARGV[2], 'next', ARGV[3])
redis.call('pexpire', KEYS[1], ARGV[4])
return false`

const endScript = `
local ends = redis.call('hget', KEYS[1], 'until')
if not ends or tonumber(ends) <= tonumber(ARGV[1]) then return 0 end
redis.call('hset', KEYS[1], 'until', ARGV[1])
return 1`

const keyOf = ({ conversationId, userId }: Typist): string => keys.typing(conversationId, userId)

/**
 * Whether typing that starts now may be passed on; true to one caller in each period, however many devices ask at once.
 * `expiresAt`: when what the others see ends; in the past when a stop has ended it. One round trip.
 */
export const claimTyping = async (
  redis: Cluster,
  { endsAfterMs, throttleMs }: TypingSettings,
  typist: Typist,
  now: Date,
): Promise<{ passOn: boolean; expiresAt: Date }> => {
  const time = now.getTime()
  const expiresAt = time + endsAfterMs
  const life = Math.max(endsAfterMs, throttleMs)
  const [known] = await runPipeline(
    redis.pipeline().eval(claimScript, 1, keyOf(typist), time, expiresAt, time + throttleMs, life),
  )
  return known === null
    ? { passOn: true, expiresAt: new Date(expiresAt) }
    : { passOn: false, expiresAt: new Date(Number(known)) }
}

/** Takes a claim back that came to nothing. One round trip. */
export const forgetTyping = async (redis: Cluster, typist: Typist): Promise<void> => {
  await runPipeline(redis.pipeline().del(keyOf(typist)))
}

/** Ends typing; true when the others still see it. The period in which it is passed on once goes on. One round trip. */
export const endTyping = async (redis: Cluster, typist: Typist, now: Date): Promise<boolean> => {
  const [ended] = await runPipeline(redis.pipeline().eval(endScript, 1, keyOf(typist), now.getTime()))
  return ended === 1
}
