import { NotificationPreferences, QuietHours } from '../notifications/preferences.schema.ts'
import { MarkedRead, UnreadCounts } from '../receipts/receipts.schema.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { ids } from './examples.ts'

const quietHours = describeSchema(
  { QuietHours },
  {
    about: 'A time of each day, by the clocks of a time zone.',
    fields: {
      from: 'HH:MM.',
      to: 'HH:MM; one that is not after `from` is a time of the next day.',
      timezone: 'An IANA name.',
    },
    example: { from: '22:00', to: '07:00', timezone: 'Asia/Kathmandu' },
  },
)

export const notifications: ResourceDescription = {
  name: 'Notifications',
  about: 'What is unread in all of a user’s conversations, and what they want to be notified of.',
  routes: {
    'GET /notifications/unread-counts': {
      id: 'getUnreadCounts',
      summary: 'Count what is unread everywhere',
      about: 'Only conversations with unread messages are listed.',
      answers: { 200: { when: 'The counts.', body: UnreadCounts } },
    },
    'PUT /notifications/mark-all-read': {
      id: 'markAllRead',
      summary: 'Mark everything as read',
      about: 'In all conversations, up to their newest messages.',
      answers: { 200: { when: 'Everything is read.', body: MarkedRead } },
    },
    'GET /notifications/preferences': {
      id: 'getNotificationPreferences',
      summary: 'Read what one wants to be notified of',
      about: 'Of a user who has never said: everything.',
      answers: { 200: { when: 'The preferences.', body: NotificationPreferences } },
    },
    'PUT /notifications/preferences': {
      id: 'setNotificationPreferences',
      summary: 'Say what one wants to be notified of',
      about: 'Replaces all of it: what is left out is as if it had never been said.',
      answers: { 200: { when: 'The preferences by now.', body: NotificationPreferences } },
    },
  },
  schemas: [
    quietHours,
    describeSchema(
      { NotificationPreferences },
      {
        about: 'What a user wants to be notified of while they are offline.',
        fields: {
          pushEnabled: 'Anything at all.',
          quietHours: 'When they want no notifications.',
          mutedTypes: 'Of which types of conversations they want none, each once.',
        },
        example: { pushEnabled: true, quietHours: quietHours.example, mutedTypes: ['business'] },
      },
    ),
    describeSchema(
      { UnreadCounts },
      {
        about: 'What is unread, by conversation and in all.',
        fields: {
          total: 'The sum of the counts.',
          conversations: 'By the conversation’s id, each up to 1,000.',
          unreadCapped: 'Only when at least one conversation has more than 1,000.',
        },
        example: { total: 3, conversations: { [ids.direct]: 3 } },
      },
    ),
    describeSchema(
      { MarkedRead },
      {
        about: 'What marking everything as read has changed.',
        fields: { marked: 'In how many conversations.' },
        example: { marked: 2 },
      },
    ),
  ],
}
