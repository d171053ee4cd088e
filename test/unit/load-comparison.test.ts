import { expect, test } from '@jest/globals'
import { type Account, differencesIn, noDifferences } from '../load/day/comparison.ts'

const message = (seq: number, content: string, type: 'text' | 'system' = 'text') => ({ seq, content, type })
const holding = (contents: Record<number, string>, joinedSeq = 0) => ({
  joinedSeq,
  holds: new Map(Object.entries(contents).map(([seq, content]) => [Number(seq), content])),
})
const right: Account = {
  stored: [
    message(1, 'a'),
    message(2, 'Nobody is here', 'system'),
    message(3, 'b'),
    message(4, 'Nobody is here', 'system'),
  ],
  accepted: [
    { seq: 1, content: 'a' },
    { seq: 3, content: 'b' },
  ],
  members: [
    holding({ 1: 'a', 2: 'Nobody is here', 3: 'b', 4: 'Nobody is here' }),
    holding({ 3: 'b', 4: 'Nobody is here' }, 2),
  ],
}

test('what everybody saw as it is stored, from their joining on, shows no difference', () => {
  expect(differencesIn([right, { stored: [], accepted: [], members: [holding({})] }])).toEqual(noDifferences())
})

test.each<[string, Partial<Account>, object]>([
  ['not stored', { accepted: [{ seq: 5, content: 'c' }] }, { lost: 1 }],
  ['stored elsewhere', { accepted: [{ seq: 3, content: 'a' }] }, { lost: 1 }],
  ['not seen by a member', { members: [holding({ 1: 'a', 3: 'b' })] }, { missing: 2 }],
  ['seen as something else', { members: [holding({ 3: 'x', 4: 'Nobody is here' }, 2)] }, { altered: 1 }],
  ['seen and not stored', { members: [holding({ 3: 'b', 4: 'Nobody is here', 5: 'c' }, 2)] }, { altered: 1 }],
  ['stored twice', { stored: [message(1, 'a'), message(2, 'a')], accepted: [], members: [] }, { doubled: 1 }],
  ['behind a number that nothing has', { stored: [message(1, 'a'), message(3, 'b')], members: [] }, { gaps: 1 }],
])('a message that is %s is counted', (_what, change, expected) => {
  expect(differencesIn([{ ...right, ...change }])).toEqual({ ...noDifferences(), ...expected })
})
