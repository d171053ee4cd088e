import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { createListCache, type ListCache } from './list-cache.ts'

export const ListCacheConfig = z.object({
  /** 0: none. */
  CONVERSATION_LIST_CACHE_SECONDS: wholeNumber(z.int().min(0).max(3_600)).default(300),
})

export const listCacheFromEnvironment = (): ListCache | null => {
  const { CONVERSATION_LIST_CACHE_SECONDS: seconds } = readConfig(ListCacheConfig)
  return seconds === 0 ? null : createListCache(redisFromEnvironment(), seconds)
}
