import { describe, expect, test } from '@jest/globals'
import { readConfig } from '../../shared/platform/config.ts'
import { PresenceConfig, TypingConfig } from '../../shared/presence/presence.config.ts'

describe('the periods of presence and typing', () => {
  test('are those of the contract where nothing is set', () => {
    expect(readConfig(PresenceConfig, {})).toEqual({
      PRESENCE_OFFLINE_AFTER_SECONDS: 30,
      PRESENCE_CLOSE_GRACE_SECONDS: 5,
    })
    expect(readConfig(TypingConfig, {})).toEqual({ TYPING_SECONDS: 5, TYPING_THROTTLE_SECONDS: 3 })
  })

  test('are given in seconds', () => {
    const environment = { PRESENCE_OFFLINE_AFTER_SECONDS: '45', PRESENCE_CLOSE_GRACE_SECONDS: '600' }
    expect(readConfig(PresenceConfig, environment)).toEqual({
      PRESENCE_OFFLINE_AFTER_SECONDS: 45,
      PRESENCE_CLOSE_GRACE_SECONDS: 600,
    })
  })

  test.each(['30000', '0', '-1', '1.5', '1e2', ' 7', 'soon'])(
    'refuse %j: milliseconds, or no seconds at all',
    value => {
      for (const name of Object.keys(PresenceConfig.shape)) {
        expect(() => readConfig(PresenceConfig, { [name]: value })).toThrow(name)
      }
      for (const name of Object.keys(TypingConfig.shape)) {
        expect(() => readConfig(TypingConfig, { [name]: value })).toThrow(name)
      }
    },
  )
})
