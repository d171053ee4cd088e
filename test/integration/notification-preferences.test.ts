import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const path = '/notifications/preferences'
const ask = (userId: string) => world.http(userId, `GET ${path}`)
const set = (userId: string, body: object) => world.http(userId, `PUT ${path}`, { body })

const defaults = { pushEnabled: true, quietHours: null, mutedTypes: [] }
const atNight = { from: '22:00', to: '07:00', timezone: 'Asia/Kathmandu' }

describe('notification preferences', () => {
  test('are to hear of everything for who has never said', async () => {
    expect(await ask(world.newUser())).toMatchObject({ status: 200, body: defaults })
  })

  test('are kept as they were set, for one user alone', async () => {
    const [alice, bob] = [world.newUser(), world.newUser()]
    const preferences = { pushEnabled: false, quietHours: atNight, mutedTypes: ['group', 'business'] }
    expect(await set(alice, preferences)).toMatchObject({ status: 200, body: preferences })
    expect((await ask(alice)).body).toEqual(preferences)
    expect((await ask(bob)).body).toEqual(defaults)
  })

  test('are replaced as a whole: what is left out is as for who has never said', async () => {
    const alice = world.newUser()
    await set(alice, { pushEnabled: false, quietHours: atNight, mutedTypes: ['direct'] })
    expect((await set(alice, { mutedTypes: ['group'] })).body).toEqual({ ...defaults, mutedTypes: ['group'] })
    expect((await set(alice, { quietHours: atNight })).body).toEqual({ ...defaults, quietHours: atNight })
    expect((await set(alice, {})).body).toEqual(defaults)
    expect((await ask(alice)).body).toEqual(defaults)
  })

  test('that two devices set at the same moment are those of one of them', async () => {
    const alice = world.newUser()
    const wanted = [
      { ...defaults, pushEnabled: false },
      { ...defaults, mutedTypes: ['direct'] },
    ]
    const answers = await Promise.all([...wanted, ...wanted, ...wanted].map(body => set(alice, body)))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200))
    expect(wanted).toContainEqual((await ask(alice)).body)
  })

  test.each<[string, object, string]>([
    ['a word for a switch', { pushEnabled: 'no' }, 'pushEnabled'],
    ['half of the quiet hours', { quietHours: { from: '22:00', timezone: 'UTC' } }, 'quietHours.to'],
    ['no time zone', { quietHours: { from: '22:00', to: '07:00' } }, 'quietHours.timezone'],
    ['a time zone that is none', { quietHours: { ...atNight, timezone: 'Nepal/Pokhara' } }, 'quietHours.timezone'],
    ['an offset for a zone', { quietHours: { ...atNight, timezone: '+05:45' } }, 'quietHours.timezone'],
    ['an hour that is none', { quietHours: { ...atNight, to: '24:00' } }, 'quietHours.to'],
    ['a time with seconds', { quietHours: { ...atNight, from: '22:00:00' } }, 'quietHours.from'],
    ['a time of one digit', { quietHours: { ...atNight, to: '7:00' } }, 'quietHours.to'],
    ['a type that there is not', { mutedTypes: ['channel'] }, 'mutedTypes.0'],
    ['a type twice', { mutedTypes: ['group', 'group'] }, 'mutedTypes'],
    ['an unknown field', { quiethours: null }, 'quiethours'],
    ['an unknown field of quiet hours', { quietHours: { ...atNight, days: [] } }, 'quietHours.days'],
  ])('with %s are refused and change nothing', async (_, body, errorPath) => {
    const alice = world.newUser()
    await set(alice, { mutedTypes: ['group'] })
    expect(await set(alice, body)).toMatchObject({
      status: 400,
      body: { code: 'validation_failed', errors: [{ path: errorPath }] },
    })
    expect((await ask(alice)).body).toEqual({ ...defaults, mutedTypes: ['group'] })
  })
})
