import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { TokenConfig } from '../../shared/auth/tokens.ts'
import { DatabaseConfig } from '../../shared/database/config.ts'
import { PushConfig } from '../../shared/delivery/push.ts'
import { readConfig } from '../../shared/platform/config.ts'
import { RedisConfig } from '../../shared/redis/connection.ts'

const messageOf = (read: () => unknown): string => {
  try {
    read()
  } catch (error) {
    return String(error)
  }
  throw new Error('It was accepted')
}

describe('the configuration', () => {
  test('names every variable that is missing or wrong', () => {
    const Config = z.object({ FIRST: z.string(), SECOND: z.url(), THIRD: z.string() })
    const message = messageOf(() => readConfig(Config, { SECOND: 'no', THIRD: 'there' }))
    expect(message).toContain('FIRST')
    expect(message).toContain('SECOND')
    expect(message).not.toContain('THIRD')
  })

  test('takes an empty variable for a missing one', () => {
    expect(readConfig(z.object({ NAME: z.string().default('none') }), { NAME: '' })).toEqual({ NAME: 'none' })
    expect(messageOf(() => readConfig(z.object({ NAME: z.string() }), { NAME: '' }))).toContain('NAME')
  })

  const secret = 'hunter2-hunter2'
  test.each([
    ['DATABASE_URL', DatabaseConfig, { DATABASE_URL: `mysql://user:${secret}@host/name` }],
    ['DATABASE_POOL_MAX', DatabaseConfig, { DATABASE_URL: 'postgres://host/name', DATABASE_POOL_MAX: secret }],
    ['DATABASE_AUTH', DatabaseConfig, { DATABASE_URL: 'postgres://host/name', DATABASE_AUTH: secret }],
    ['REDIS_URL', RedisConfig, { REDIS_URL: `http://:${secret}@host` }],
    ['WEBSOCKET_API_ENDPOINT', PushConfig, { WEBSOCKET_API_ENDPOINT: secret }],
    ['JWT_SECRET', TokenConfig, { JWT_SECRET: secret }],
    ['JWT_JWKS_URL', TokenConfig, { JWT_JWKS_URL: `file:///${secret}` }],
  ])('never shows the value of %s, which may be a secret', (name, schema, environment) => {
    const message = messageOf(() => readConfig(schema, environment))
    expect(message).toContain(name)
    expect(message).not.toContain(secret)
  })
})

describe('the configuration of tokens', () => {
  test('needs some key', () => {
    expect(messageOf(() => readConfig(TokenConfig, {}))).toMatch(/JWT_SECRET.*JWT_JWKS_URL/)
  })

  test('refuses a secret of less than 32 bytes', () => {
    expect(messageOf(() => readConfig(TokenConfig, { JWT_SECRET: 'x'.repeat(31) }))).toContain('32 bytes')
    expect(readConfig(TokenConfig, { JWT_SECRET: 'x'.repeat(32) })).toEqual({ JWT_SECRET: 'x'.repeat(32) })
    expect(readConfig(TokenConfig, { JWT_SECRET: 'é'.repeat(16) })).toEqual({ JWT_SECRET: 'é'.repeat(16) })
  })
})
