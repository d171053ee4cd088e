import {
  HistoryQuery,
  Message,
  MessagePage,
  MessageReference,
  SendMessage,
  SendMessageFrame,
  SentMessage,
} from '../messages/messages.schema.ts'
import { Receipt, ReceiptList } from '../receipts/receipts.schema.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { ids, times } from './examples.ts'

export const message = describeSchema(
  { Message },
  {
    about: 'A message as one user sees it.',
    fields: {
      id: 'A UUIDv7: the client’s own, or the server’s.',
      conversationId: 'The conversation it belongs to.',
      seq: 'Its number in the conversation: 1, 2, 3 … in commit order. Order messages by it.',
      senderId: 'The user who sent it.',
      type: '`text` from users; `system` from the service itself.',
      content: 'Plain text; null once it is deleted.',
      metadata: 'What the sender’s client kept with it; the service never reads it.',
      sentAt: 'When the server stored it.',
      deletedAt: 'When it was deleted; it stays in history, without content, for 7 days.',
      status: 'Only on the caller’s own messages: how far it has come with every other participant.',
    },
    example: {
      id: ids.message,
      conversationId: ids.direct,
      seq: 1,
      senderId: ids.alice,
      type: 'text',
      content: 'Namaste, Bob!',
      metadata: null,
      sentAt: times.sent,
      deletedAt: null,
      status: 'sent',
    },
  },
)

const sendMessage = describeSchema(
  { SendMessage },
  {
    about: 'A message to send.',
    fields: {
      id: 'A UUIDv7 minted on server time, within the last 24 hours and at most 5 minutes ahead. Sending again with it stores and delivers nothing twice. Without it the server mints one.',
      content:
        'Plain text, 1 to 4,000 UTF-16 units and at most 24 KB, before and after HTML elements are removed. Control characters go except newline and tab; Unicode becomes NFC.',
      type: 'Clients send `text` only.',
      metadata: 'Any JSON object of at most 2 KB, kept as it came.',
    },
    example: { id: ids.message, content: 'Namaste, Bob!' },
  },
)

const receipt = describeSchema(
  { Receipt },
  {
    about: 'How far a message has come with one of those it was for.',
    fields: { userId: 'The recipient.', status: 'How far it has come with them.' },
    example: { userId: ids.bob, status: 'delivered' },
  },
)

export const messages: ResourceDescription = {
  name: 'Messages',
  about: 'Plain text in a conversation, in the order of `seq`.',
  routes: {
    'POST /conversations/{id}/messages': {
      id: 'sendMessage',
      summary: 'Send a message',
      about:
        'It is stored with the next `seq` before anybody hears of it, then pushed to every other connection of all participants. Sending marks one’s own conversation as read up to it.',
      answers: {
        201: { when: 'It is stored.', body: Message },
        200: { when: 'The same sender had stored it under this `id` before; nothing is sent twice.', body: Message },
      },
      problems: ['not_found', 'message_id_expired', 'message_id_taken', 'another_open', 'conversation_closed'],
    },
    'GET /conversations/{id}/messages': {
      id: 'readHistory',
      summary: 'Read the history',
      about:
        'In chronological order: the page before or after a `seq`, or the newest one. Numbers that were purged, or that the caller may not see, are skipped.',
      answers: { 200: { when: 'A page.', body: MessagePage } },
      problems: ['not_found'],
    },
    'GET /conversations/{id}/messages/{messageId}': {
      id: 'getMessage',
      summary: 'Read one message',
      about: 'Also one that was deleted within the last 7 days.',
      answers: { 200: { when: 'The message.', body: Message } },
      problems: ['not_found'],
    },
    'DELETE /conversations/{id}/messages/{messageId}': {
      id: 'deleteMessage',
      summary: 'Delete a message',
      about: 'For everybody. Its sender may, and admins of a group.',
      answers: { 204: { when: 'It is deleted, now or before.' } },
      problems: ['not_found', 'forbidden'],
    },
    'GET /conversations/{id}/messages/{messageId}/receipts': {
      id: 'listReceipts',
      summary: 'See who has received and read a message',
      about: 'One entry for each participant but the sender who was there when it was sent.',
      answers: { 200: { when: 'The receipts.', body: ReceiptList } },
      problems: ['not_found'],
    },
  },
  schemas: [
    message,
    sendMessage,
    receipt,
    describeSchema(
      { HistoryQuery },
      {
        about: 'Which page of the history.',
        fields: {
          before: 'The messages before this `seq`, which excludes `after`.',
          after: 'The messages after this `seq`, which excludes `before`.',
          limit: 'How many at most.',
        },
        example: { before: '51', limit: '50' },
      },
    ),
    describeSchema(
      { MessagePage },
      {
        about: 'A page of the history.',
        fields: { items: 'Chronological.', hasMore: 'There are more in the direction that was asked for.' },
        example: { items: [message.example], hasMore: false },
      },
    ),
    describeSchema(
      { ReceiptList },
      {
        about: 'The receipts of one message.',
        fields: { items: 'One for each recipient.' },
        example: { items: [receipt.example] },
      },
    ),
    describeSchema(
      { SendMessageFrame },
      {
        about: 'A message to send, and where to.',
        fields: { ...sendMessage.fields, conversationId: 'The conversation to send it to.' },
        example: { conversationId: ids.direct, ...sendMessage.example },
      },
    ),
    describeSchema(
      { SentMessage },
      {
        about: 'The message is stored.',
        fields: {
          id: 'Its id: the client’s own or, without one, the server’s.',
          conversationId: 'The conversation it is in.',
          seq: 'Its number there.',
          sentAt: 'When the server stored it.',
          duplicate: 'It had been stored before under this `id`; nothing was sent twice.',
        },
        example: {
          id: ids.message,
          conversationId: ids.direct,
          seq: 1,
          sentAt: times.sent,
          duplicate: false,
        },
      },
    ),
    describeSchema(
      { MessageReference },
      {
        about: 'One message.',
        fields: { conversationId: 'The conversation it is in.', messageId: 'Its id.' },
        example: { conversationId: ids.direct, messageId: ids.message },
      },
    ),
  ],
}
