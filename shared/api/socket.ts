import {
  AssignmentChanged,
  ClientSettings,
  ConversationChanged,
  MessageCreated,
  MessagesBatch,
  ParticipantChanged,
  PositionMoved,
  SessionReady,
  type serverEvents,
  UserOfConversation,
} from '../delivery/events.ts'
import { clientSettings } from '../delivery/session.ts'
import { SyncAccepted, SyncCompleted, SyncedConversation, SyncRequest, SyncRequested } from '../delivery/sync.schema.ts'
import { SentMessage } from '../messages/messages.schema.ts'
import type { ProblemCode } from '../platform/problems.ts'
import { PresenceList } from '../presence/presence.schema.ts'
import { TypingEnd, TypingFrame, TypingStarted } from '../presence/typing.schema.ts'
import { LeftUnread, Position, Positions } from '../receipts/receipts.schema.ts'
import { Done, NoData, ServerTime } from '../transport/frames.schema.ts'
import { conversation, participant } from './conversations.ts'
import { type ActionDescription, describeSchema, type EventDescription, type SchemaDescription } from './description.ts'
import { ids, times } from './examples.ts'
import { message } from './messages.ts'

/** What a client may ask for, by the `action` of its frame. */
export const actions: Readonly<Record<string, ActionDescription>> = {
  heartbeat: {
    summary: 'Say that the client is there',
    about: 'Every 15 seconds in which no other frame was sent. It is never answered.',
    ack: null,
  },
  ping: {
    summary: 'Ask for the server’s time',
    about: 'Also tells whether the socket lives.',
    ack: ServerTime,
  },
  'message.send': {
    summary: 'Send a message',
    about:
      'The messages of one conversation go one after the other: send the next when this one is acknowledged, because two frames of one socket may be worked on at the same time. The ack comes when the message is stored.',
    ack: SentMessage,
    problems: ['not_found', 'message_id_expired', 'message_id_taken', 'another_open', 'conversation_closed'],
  },
  'message.delivered': {
    summary: 'Say what this client holds',
    about:
      'The highest `seq` up to which it holds everything, without a gap; of one conversation, or of up to 100 in one frame. At most once a second. Only this moves the delivered position: what no device has acknowledged comes again.',
    ack: Done,
    problems: ['not_found'],
  },
  'message.read': {
    summary: 'Say what was read',
    about: 'Up to this `seq`; of one conversation, or of up to 100 in one frame. It never moves backwards.',
    ack: LeftUnread,
    problems: ['not_found'],
  },
  'message.delete': {
    summary: 'Delete a message',
    about: 'For everybody. Its sender may, and admins of a group.',
    ack: Done,
    problems: ['not_found', 'forbidden'],
  },
  'typing.start': {
    summary: 'Say that the user types',
    about:
      'It ends by itself after 5 seconds; it is passed on at most once in 3 seconds, so send it every 3 seconds while they type.',
    ack: TypingEnd,
    problems: ['not_found'],
  },
  'typing.stop': {
    summary: 'Say that the user no longer types',
    about: 'Not needed after sending the message.',
    ack: TypingEnd,
    problems: ['not_found'],
  },
  'presence.get': {
    summary: 'Ask who is online',
    about: 'Exact at the time of asking, in the order asked.',
    ack: PresenceList,
  },
  sync: {
    summary: 'Ask for messages that are missing',
    about:
      'For up to 100 conversations. The ack says that it was accepted; then the missing messages come as `messages.batch`, then `sync.completed`. One at a time for each socket, 10 a minute.',
    ack: SyncAccepted,
    problems: ['sync_in_progress'],
  },
}

/** What a frame can meet whatever it asks for. */
export const problemsOfActions: readonly ProblemCode[] = [
  'invalid_json',
  'validation_failed',
  'unknown_action',
  'token_expired',
  'rate_limited',
  'internal_error',
  'store_unavailable',
  'timeout',
]

/** What the server says by itself. */
export const events: Readonly<Record<keyof typeof serverEvents, EventDescription>> = {
  'session.ready': {
    summary: 'The session has begun',
    about: 'Once, after the replay that follows a connect; at once with `replay=none`.',
  },
  'message.created': {
    summary: 'A message was sent',
    about:
      'Live, to every connection of all participants but the one that sent it. Order by `seq`, and drop what was seen.',
  },
  'messages.batch': {
    summary: 'Messages that were missing',
    about:
      'After a connect, after `sync`, and where a message was not acknowledged: in `seq` order, up to 32 KB a frame.',
  },
  'message.deleted': { summary: 'A message was deleted', about: 'Its content is to be removed from what is shown.' },
  'message.delivered': {
    summary: 'Somebody holds messages',
    about:
      'All up to `seq` have come to one of their devices. To those who sent some of them; at most once a second for each user and conversation.',
  },
  'message.read': {
    summary: 'Somebody has read messages',
    about:
      'All up to `seq`. The reader’s own devices get it, too. At most once a second for each user and conversation.',
  },
  'sync.completed': {
    summary: 'A sync has come to its end',
    about: 'All messages up to `throughSeq` have been sent, or can not be seen. With `hasMore` ask again from there.',
  },
  'typing.started': {
    summary: 'Somebody types',
    about: 'Until `expiresAt`, unless it comes again or their message comes.',
  },
  'typing.stopped': { summary: 'Somebody no longer types', about: 'Only before it would have ended by itself.' },
  'presence.changed': {
    summary: 'Somebody came online, or went offline',
    about: 'To those who share a direct or business conversation with them.',
  },
  'conversation.created': {
    summary: 'There is a new conversation',
    about: 'Also for an agent who was given one, whose messages follow.',
  },
  'conversation.updated': { summary: 'A conversation has changed', about: 'Show this in place of what was known.' },
  'participant.added': { summary: 'Somebody joined', about: 'The new one hears it, too.' },
  'participant.removed': {
    summary: 'Somebody left, or was removed',
    about: 'They hear it, too: for them the conversation is gone.',
  },
  'participant.updated': { summary: 'Somebody’s role has changed', about: 'Show this in place of what was known.' },
  'assignment.changed': {
    summary: 'A business conversation has another agent, or another status',
    about: 'To its customer, its agent and the sockets of the business.',
  },
}

const position = describeSchema(
  { Position },
  {
    about: 'A place in a conversation.',
    fields: {
      conversationId: 'The conversation.',
      seq: 'Up to here; what is beyond the newest message is taken as the newest.',
    },
    example: { conversationId: ids.direct, seq: 1 },
  },
)

const typingEnd = describeSchema(
  { TypingEnd },
  {
    about: 'When typing ends by itself, or has ended.',
    fields: { expiresAt: 'The time.' },
    example: { expiresAt: times.later },
  },
)

const userOfConversation = describeSchema(
  { UserOfConversation },
  {
    about: 'A user in a conversation.',
    fields: { conversationId: 'The conversation.', userId: 'The user.' },
    example: { conversationId: ids.direct, userId: ids.bob },
  },
)

const settings = describeSchema(
  { ClientSettings },
  {
    about: 'The rhythm that the server expects.',
    fields: {
      heartbeatSeconds: 'Send a `heartbeat` when nothing else was sent for this long.',
      gapSeconds: 'Ask by `sync` for a gap that stays open this long.',
      reconnectAfterSeconds: 'Connect anew after this time, before the gateway ends the connection.',
    },
    example: clientSettings,
  },
)

const syncRequested = describeSchema(
  { SyncRequested },
  {
    about: 'From where on messages are missing.',
    fields: { id: 'The conversation.', afterSeq: 'The client holds everything up to here.' },
    example: { id: ids.direct, afterSeq: 0 },
  },
)

const synced = describeSchema(
  { SyncedConversation },
  {
    about: 'How far a conversation has come.',
    fields: {
      id: 'The conversation.',
      throughSeq: 'All up to here is settled.',
      hasMore: 'There is more: ask again from there.',
    },
    example: { id: ids.direct, throughSeq: 1, hasMore: false },
  },
)

/** The schemas of frames, beside those that the HTTP API has too. */
export const socketSchemas: readonly SchemaDescription[] = [
  position,
  typingEnd,
  userOfConversation,
  settings,
  syncRequested,
  synced,
  describeSchema({ NoData }, { about: 'Nothing.', fields: {}, example: {} }),
  describeSchema({ Done }, { about: 'It is done.', fields: {}, example: {} }),
  describeSchema(
    { ServerTime },
    {
      about: 'The server’s time, on which ids are minted.',
      fields: { serverTime: 'Now.' },
      example: { serverTime: times.sent },
    },
  ),
  describeSchema(
    { Positions },
    {
      about: 'One position, or several.',
      fields: { ...position.fields, positions: 'At most 100; a conversation that the user is not in is passed over.' },
      example: { positions: [position.example] },
    },
  ),
  describeSchema(
    { LeftUnread },
    {
      about: 'What is left unread, each counted up to 1,000.',
      fields: {
        unreadCount: 'Where one position was given: of that conversation.',
        unread: 'Where several were given: by the conversation’s id.',
      },
      example: { unread: { [ids.direct]: 0 } },
    },
  ),
  describeSchema(
    { TypingFrame },
    {
      about: 'Where somebody types.',
      fields: { conversationId: 'The conversation.' },
      example: { conversationId: ids.direct },
    },
  ),
  describeSchema(
    { TypingStarted },
    {
      about: 'Somebody types.',
      fields: { ...userOfConversation.fields, expiresAt: 'When it ends by itself.' },
      example: { ...userOfConversation.example, ...typingEnd.example },
    },
  ),
  describeSchema(
    { SyncRequest },
    {
      about: 'What this client holds.',
      fields: { conversations: 'Each once, at most 100.' },
      example: { conversations: [syncRequested.example] },
    },
  ),
  describeSchema(
    { SyncAccepted },
    { about: 'The messages will come.', fields: { accepted: 'Always so.' }, example: { accepted: true } },
  ),
  describeSchema(
    { SyncCompleted },
    {
      about: 'A sync has come to its end.',
      fields: {
        requestId: 'That of the `sync`, where it had one.',
        conversations: 'Those that were asked for and that the user is in.',
      },
      example: { requestId: 'sync-1', conversations: [synced.example] },
    },
  ),
  describeSchema(
    { SessionReady },
    {
      about: 'The session has begun.',
      fields: {
        connectionId: 'The gateway’s name for this connection.',
        userId: 'Whose session it is.',
        replayed: 'How many messages were replayed.',
        unreadTotal: 'How many messages are unread in all conversations.',
        serverTime: 'Now. Mint ids of messages on this time.',
        settings: 'The rhythm that the server expects.',
      },
      example: {
        connectionId: 'TWegAc4EowCHnA=',
        userId: ids.alice,
        replayed: 0,
        unreadTotal: 0,
        serverTime: times.sent,
        settings: settings.example,
      },
    },
  ),
  describeSchema(
    { MessageCreated },
    {
      about: 'A message was sent.',
      fields: { message: 'As this user sees it.' },
      example: { message: message.example },
    },
  ),
  describeSchema(
    { MessagesBatch },
    {
      about: 'Messages that were missing.',
      fields: { conversationId: 'Of this conversation.', messages: 'In `seq` order.', replayed: 'Always so.' },
      example: { conversationId: ids.direct, messages: [message.example], replayed: true },
    },
  ),
  describeSchema(
    { PositionMoved },
    {
      about: 'A position moved.',
      fields: { ...userOfConversation.fields, seq: 'Where it is now.' },
      example: { ...userOfConversation.example, seq: 1 },
    },
  ),
  describeSchema(
    { ConversationChanged },
    {
      about: 'A conversation is new, or has changed.',
      fields: { conversation: 'As this user sees it.' },
      example: { conversation: conversation.example },
    },
  ),
  describeSchema(
    { ParticipantChanged },
    {
      about: 'A participant is new, or has changed.',
      fields: { conversationId: 'In this conversation.', participant: 'As they are now.' },
      example: { conversationId: ids.direct, participant: participant.example },
    },
  ),
  describeSchema(
    { AssignmentChanged },
    {
      about: 'Who has a business conversation.',
      fields: {
        conversationId: 'The conversation.',
        status: '`queued` until an agent has it, `assigned` until it is closed.',
        agentId: 'Whose it is; of a closed one whose it was.',
      },
      example: { conversationId: ids.chat, status: 'assigned', agentId: ids.asha },
    },
  ),
]
