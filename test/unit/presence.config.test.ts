import { describe, expect, test } from '@jest/globals'
import { HeartbeatConfig } from '../../shared/delivery/delivery.config.ts'
import { readConfig } from '../../shared/platform/config.ts'
import { PresenceConfig, TypingConfig } from '../../shared/presence/presence.config.ts'

describe('the heartbeat that clients are told', () => {
  const heartbeatOf = (environment: Record<string, string>) =>
    readConfig(HeartbeatConfig, environment).HEARTBEAT_SECONDS

  test('is 15 s, or what operators set', () => {
    expect(heartbeatOf({})).toBe(15)
    expect(heartbeatOf({ HEARTBEAT_SECONDS: '29' })).toBe(29)
    expect(heartbeatOf({ HEARTBEAT_SECONDS: '60', PRESENCE_OFFLINE_AFTER_SECONDS: '120' })).toBe(60)
  })

  test.each([
    { HEARTBEAT_SECONDS: '30' },
    { PRESENCE_OFFLINE_AFTER_SECONDS: '15' },
    { HEARTBEAT_SECONDS: '0' },
    { HEARTBEAT_SECONDS: '15000' },
  ])('refuses %j, with which users would count as offline between two', environment => {
    expect(() => heartbeatOf(environment)).toThrow('HEARTBEAT_SECONDS')
  })
})

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
