import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { foundIn, leaksIn } from '../support/leaks.ts'
import { tokenFor } from '../support/tokens.ts'

const user = randomUUID()
const line = (fields: object) => `2026-11-25T05:05:58.000Z MessagesFunction stdout ${JSON.stringify(fields)}`
const leaks = (...lines: string[]) =>
  leaksIn(lines.join('\n'), { texts: ['A "secret" text\nof two lines', 'Bikash Thapa', 'short'], userIds: [user] })

describe('the search through logs', () => {
  test('passes lines with masked ids and with ids of events', () => {
    const fine = line({
      requestId: randomUUID(),
      messageId: randomUUID(),
      userId: '~NY-GOlXLesOg',
      text: 'a short line',
    })
    expect(leaks(fine, `2026-11-25T05:05:58.000Z X host Invoke Error ${randomUUID()} Error: no`, '')).toEqual([])
  })

  test.each([
    [
      'a text, as JSON writes it',
      async () => line({ error: { message: 'Not stored: A "secret" text\nof two lines' } }),
    ],
    ['a name', async () => 'ERROR: Failing row contains (1, Bikash Thapa).'],
    ['a user in any case', async () => `DETAIL: Key (id)=(${user.toUpperCase()}) already exists.`],
    ['a user where only a request should be', async () => line({ requestId: user })],
    ['any id that is not masked', async () => line({ level: 'WARN', nested: [{ conversation: randomUUID() }] })],
    ['a token', async () => `GET /?token=${await tokenFor(user)}`],
  ])('finds %s', async (_, write) => {
    expect(leaks(line({ level: 'INFO' }), await write())).toHaveLength(1)
  })
})

test('the search through dumps finds texts and tokens among other bytes', async () => {
  const dump = Buffer.concat([
    Buffer.from([0, 255, 7]),
    Buffer.from('x Namaste, Bob! '),
    Buffer.from(await tokenFor(user)),
  ])
  expect(foundIn(dump, ['Namaste, Bob!', 'Namaste, Eve!', 'x'])).toEqual([
    'Namaste, Bob!',
    expect.stringMatching(/^a token: eyJ/),
  ])
  expect(foundIn(Buffer.from('nothing'), ['Namaste, Bob!'])).toEqual([])
})
