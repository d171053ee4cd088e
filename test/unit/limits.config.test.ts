import { describe, expect, test } from '@jest/globals'
import { LimitsConfig } from '../../shared/limits/limits.config.ts'
import { readConfig } from '../../shared/platform/config.ts'

describe('the limits of rates', () => {
  test('are those of the contract where nothing is set', () => {
    expect(readConfig(LimitsConfig, {})).toEqual({
      RATE_LIMIT_SENDS: 600,
      RATE_LIMIT_REQUESTS: 1_200,
      RATE_LIMIT_AUTH_FAILURES: 30,
    })
  })

  test('are whole numbers, of which 0 means none', () => {
    const environment = { RATE_LIMIT_SENDS: '0', RATE_LIMIT_REQUESTS: '1000000', RATE_LIMIT_AUTH_FAILURES: '1' }
    expect(readConfig(LimitsConfig, environment)).toEqual({
      RATE_LIMIT_SENDS: 0,
      RATE_LIMIT_REQUESTS: 1_000_000,
      RATE_LIMIT_AUTH_FAILURES: 1,
    })
  })

  test.each(['-1', '1.5', '1e3', ' 7', '1000001', 'none', '0x10'])('refuse %j', value => {
    for (const name of Object.keys(LimitsConfig.shape)) {
      expect(() => readConfig(LimitsConfig, { [name]: value })).toThrow(name)
    }
  })
})
