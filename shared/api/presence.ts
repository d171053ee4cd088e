import { Presence, PresenceGet, PresenceList, PresenceQuery } from '../presence/presence.schema.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { ids } from './examples.ts'

const onlineUser = describeSchema(
  { Presence },
  {
    about: 'Whether a user is online.',
    fields: {
      userId: 'The user.',
      status: '`online` from connecting until 30 s after the last frame, or 5 s after the last socket closed.',
      lastSeenAt: 'Null while online, where it is not known, and of those who share no conversation with the caller.',
    },
    example: { userId: ids.bob, status: 'online', lastSeenAt: null },
  },
)

export const presence: ResourceDescription = {
  name: 'Presence',
  about: 'Who is online.',
  routes: {
    'GET /presence': {
      id: 'getPresence',
      summary: 'Ask who is online',
      about:
        'Exact at the time of asking, in the order asked. Those who share no conversation with the caller are always `offline`.',
      answers: { 200: { when: 'One entry for each id.', body: PresenceList } },
    },
  },
  schemas: [
    onlineUser,
    describeSchema(
      { PresenceList },
      { about: 'Who is online.', fields: { items: 'In the order asked.' }, example: { items: [onlineUser.example] } },
    ),
    describeSchema(
      { PresenceQuery },
      {
        about: 'About whom.',
        fields: { userIds: '1 to 100 users, separated by commas.' },
        example: { userIds: `${ids.bob},${ids.asha}` },
      },
    ),
    describeSchema(
      { PresenceGet },
      { about: 'About whom.', fields: { userIds: 'The users.' }, example: { userIds: [ids.bob, ids.asha] } },
    ),
  ],
}
