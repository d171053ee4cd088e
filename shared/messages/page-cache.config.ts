import * as z from 'zod'
import { readConfig } from '../platform/config.ts'
import { wholeNumber } from '../platform/whole-number.ts'
import { redisFromEnvironment } from '../redis/connection.ts'
import { createPageCache, type PageCache } from './page-cache.ts'

export const PageCacheConfig = z.object({
  /** 0: none. */
  MESSAGE_PAGE_CACHE_SECONDS: wholeNumber(z.int().min(0).max(3_600)).default(0),
})

export const pageCacheFromEnvironment = (): PageCache | null => {
  const { MESSAGE_PAGE_CACHE_SECONDS: seconds } = readConfig(PageCacheConfig)
  return seconds === 0 ? null : createPageCache(redisFromEnvironment(), seconds)
}
