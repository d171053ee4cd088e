import { Changes, ChangesQuery, Deletion, ReadPosition } from '../sync/changes.schema.ts'
import { conversation } from './conversations.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { ids, times } from './examples.ts'
import { message } from './messages.ts'

const since = 'WyJlMWYyIiwiNzQyOjc0MjoiXQ'
const next = 'WyJlMWYyIiwiNzQ4Ojc1MTo3NDkiXQ'

const deletion = describeSchema(
  { Deletion },
  {
    about: 'A message that was deleted.',
    fields: {
      conversationId: 'The conversation it is in.',
      messageId: 'Its id.',
      seq: 'Its number there.',
      deletedAt: 'When it was deleted.',
    },
    example: { conversationId: ids.direct, messageId: ids.message, seq: 1, deletedAt: times.later },
  },
)

const readPosition = describeSchema(
  { ReadPosition },
  {
    about: 'A read position that moved.',
    fields: { conversationId: 'In this conversation.', userId: 'Whose it is.', lastReadSeq: 'Where it is now.' },
    example: { conversationId: ids.direct, userId: ids.bob, lastReadSeq: 1 },
  },
)

export const sync: ResourceDescription = {
  name: 'Sync',
  about: 'What has changed while a client was away.',
  routes: {
    'GET /sync': {
      id: 'getChanges',
      summary: 'Get what has changed since a token',
      about:
        'Without a token: empty lists, and a token for now; load everything after it. Nothing is missed, however late its transaction committed, and nothing comes twice. Delivered positions and what retention removes are not in it.',
      answers: { 200: { when: 'The changes.', body: Changes } },
      problems: ['invalid_cursor', 'sync_token_expired'],
    },
  },
  schemas: [
    deletion,
    readPosition,
    describeSchema(
      { ChangesQuery },
      { about: 'Since when.', fields: { since: '`next` of the answer before.' }, example: { since } },
    ),
    describeSchema(
      { Changes },
      {
        about: 'What has changed for the caller.',
        fields: {
          conversations: 'As the caller sees them now, in place of what was known of them.',
          messages: 'New and not deleted, in the order of `seq` for each conversation.',
          deletions: 'Messages that were deleted.',
          reads: 'Read positions that moved.',
          left: 'Conversations that the caller has left: forget them before anything else of the answer is applied.',
          next: 'The token for the next call.',
          hasMore: 'There is more to be had at once.',
        },
        example: {
          conversations: [conversation.example],
          messages: [message.example],
          deletions: [deletion.example],
          reads: [readPosition.example],
          left: [ids.group],
          next,
          hasMore: false,
        },
      },
    ),
  ],
}
