import {
  AddParticipant,
  BusinessStanding,
  ChangeRole,
  Conversation,
  ConversationPage,
  CreateGroup,
  ListConversations,
  Mute,
  OpenDirect,
  Participant,
  RenameGroup,
  SetMute,
} from '../conversations/conversations.schema.ts'
import { Profile } from '../profiles/profiles.schema.ts'
import { MarkRead, ReadUpTo, UnreadCount } from '../receipts/receipts.schema.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { cursor, ids, times } from './examples.ts'
import { message } from './messages.ts'

const profile = describeSchema(
  { Profile },
  {
    about:
      'Who somebody is, as the platform’s main service says. It is kept for a day at most before it is asked for again.',
    fields: {
      name: 'The name to show.',
      avatarUrl: 'A picture.',
      stale: 'The main service could not be asked, or does not know: what is shown may be old, or a placeholder.',
    },
    example: { name: 'Bob', avatarUrl: null, stale: false },
  },
)

export const participant = describeSchema(
  { Participant },
  {
    about: 'A user in a conversation.',
    fields: {
      userId: 'The user.',
      role: '`admin` and `member` in a group, `member` in a direct conversation, `customer`, `agent` and `member` in one with a business.',
      joinedAt: 'Since when they are in it.',
      lastReadSeq: 'Up to which `seq` they have read.',
      lastDeliveredSeq: 'Up to which `seq` one of their devices holds everything.',
      profile: 'Who they are.',
    },
    example: {
      userId: ids.bob,
      role: 'member',
      joinedAt: times.opened,
      lastReadSeq: 0,
      lastDeliveredSeq: 0,
      profile: profile.example,
    },
  },
)

export const businessStanding = describeSchema(
  { BusinessStanding },
  {
    about: 'What a conversation with a business has besides.',
    fields: {
      businessId: 'The business.',
      status: '`queued` until an agent has it, `assigned` until it is closed.',
      agentId: 'Whose it is; of a closed one whose it was.',
      priority: 'The more urgent ones leave the queue first.',
      category: 'What it is about: agents with this skill go first.',
    },
    example: { businessId: ids.shop, status: 'assigned', agentId: ids.asha, priority: 'normal', category: 'billing' },
  },
)

export const conversation = describeSchema(
  { Conversation },
  {
    about: 'A conversation as one user sees it.',
    fields: {
      id: 'Its id.',
      type: '`direct`: two users; `group`: up to 8; `business`: a customer and a business.',
      name: 'What this caller should see: the other user’s name; the group’s own name, or the names of its first three other participants; the business’s name.',
      avatarUrl: 'A picture for it.',
      createdAt: 'When it was opened.',
      lastActivityAt: 'When the last message came; lists are ordered by it.',
      lastSeq: 'The `seq` of its newest message, 0 while there is none.',
      lastMessage: 'The newest message that the caller may see.',
      unreadCount: 'Messages of others, not deleted, that the caller may see and has not read. Exact up to 1,000.',
      unreadCapped: 'Only when there are more than 1,000 unread.',
      isMuted: 'The caller wants no notifications of it.',
      mutedUntil: 'When that ends; null: not by itself.',
      participants: 'In the order in which they joined.',
      business: 'Only where `type` is `business`.',
    },
    example: {
      id: ids.direct,
      type: 'direct',
      name: 'Bob',
      avatarUrl: null,
      createdAt: times.opened,
      lastActivityAt: times.sent,
      lastSeq: 1,
      lastMessage: message.example,
      unreadCount: 0,
      isMuted: false,
      mutedUntil: null,
      participants: [
        {
          ...participant.example,
          userId: ids.alice,
          lastReadSeq: 1,
          profile: { ...profile.example, name: 'Alice' },
        },
        participant.example,
      ],
    },
  },
)

export const conversationPage = describeSchema(
  { ConversationPage },
  {
    about: 'A page of conversations.',
    fields: {
      items: 'In the order that the list promises.',
      nextCursor: 'Where the next page begins; null at the end.',
    },
    example: { items: [conversation.example], nextCursor: null },
  },
)

export const conversations: ResourceDescription = {
  name: 'Conversations',
  about:
    'Direct conversations and groups, who is in them, and what of them is read. A user whom the service has not seen yet may be named everywhere. For somebody who is not in a conversation, or has left it, it does not exist.',
  routes: {
    'POST /conversations/direct': {
      id: 'openDirectConversation',
      summary: 'Open a direct conversation',
      about: 'A pair of users has exactly one, also when both open it at the same time.',
      answers: {
        201: { when: 'It is opened.', body: Conversation },
        200: { when: 'There was one already.', body: Conversation },
      },
    },
    'POST /conversations/group': {
      id: 'createGroup',
      summary: 'Make a group',
      about: 'Whoever makes it is its admin. A group has at most 8 participants.',
      answers: {
        201: { when: 'It is made.', body: Conversation },
        200: { when: 'The caller had made it under this `id` before.', body: Conversation },
      },
      problems: ['conversation_id_taken'],
    },
    'GET /conversations': {
      id: 'listConversations',
      summary: 'List one’s conversations',
      about: 'Newest activity first.',
      answers: { 200: { when: 'A page.', body: ConversationPage } },
      problems: ['invalid_cursor'],
    },
    'GET /conversations/{id}': {
      id: 'getConversation',
      summary: 'Read one conversation',
      about: 'As the caller sees it.',
      answers: { 200: { when: 'The conversation.', body: Conversation } },
      problems: ['not_found'],
    },
    'PATCH /conversations/{id}': {
      id: 'renameGroup',
      summary: 'Rename a group',
      about: 'Its admins may.',
      answers: { 200: { when: 'It is renamed.', body: Conversation } },
      problems: ['not_found', 'forbidden', 'direct_conversation', 'business_conversation'],
    },
    'POST /conversations/{id}/participants': {
      id: 'addParticipant',
      summary: 'Add somebody',
      about:
        'Admins of a group may, and the business in its conversations. Whoever is new sees messages from then on, and starts with all before as read.',
      answers: { 201: { when: 'They are in it.', body: Participant } },
      problems: [
        'not_found',
        'forbidden',
        'direct_conversation',
        'business_conversation',
        'already_participant',
        'group_full',
      ],
    },
    'DELETE /conversations/{id}/participants/{userId}': {
      id: 'removeParticipant',
      summary: 'Remove somebody, or leave',
      about:
        'Admins may remove anybody, everybody may leave. When the last admin leaves, the role goes to the longest-standing member. Whoever is out sees nothing of it any more.',
      answers: { 204: { when: 'They are out.' } },
      problems: ['not_found', 'forbidden', 'direct_conversation', 'business_conversation'],
    },
    'PUT /conversations/{id}/participants/{userId}/role': {
      id: 'changeRole',
      summary: 'Make somebody an admin, or a member',
      about: 'Admins may. The last admin stays one.',
      answers: { 200: { when: 'They have the role.', body: Participant } },
      problems: ['not_found', 'forbidden', 'direct_conversation', 'business_conversation', 'last_admin'],
    },
    'PUT /conversations/{id}/read': {
      id: 'markConversationRead',
      summary: 'Mark a conversation as read',
      about:
        'Up to a message, or a `seq`, or all of it. The position never moves backwards, nor past the newest message.',
      answers: { 200: { when: 'It is read up to there, or was already.', body: ReadUpTo } },
      problems: ['not_found'],
    },
    'PUT /conversations/{id}/mute': {
      id: 'muteConversation',
      summary: 'Mute a conversation, or end that',
      about: 'For the caller alone: no push requests are made of it. It is still counted as unread.',
      answers: { 200: { when: 'It is so.', body: Mute } },
      problems: ['not_found', 'forbidden'],
    },
    'GET /conversations/{id}/unread-count': {
      id: 'getUnreadCount',
      summary: 'Count what is unread in a conversation',
      about: 'Messages of others, not deleted, that the caller may see and has not read; 1,000 stands for more, too.',
      answers: { 200: { when: 'The count.', body: UnreadCount } },
      problems: ['not_found'],
    },
  },
  schemas: [
    profile,
    participant,
    businessStanding,
    conversation,
    conversationPage,
    describeSchema(
      { OpenDirect },
      {
        about: 'With whom.',
        fields: { targetUserId: 'The other user; not oneself.' },
        example: { targetUserId: ids.bob },
      },
    ),
    describeSchema(
      { CreateGroup },
      {
        about: 'A group to make.',
        fields: {
          id: 'The client’s own id for it, so that the call can be repeated. Without it the server mints one.',
          participantIds: 'The others, each once, without oneself.',
          name: 'One line of plain text.',
        },
        example: { id: ids.group, participantIds: [ids.bob, ids.asha], name: 'Trek to Langtang' },
      },
    ),
    describeSchema(
      { RenameGroup },
      {
        about: 'A new name.',
        fields: { name: 'One line of plain text.' },
        example: { name: 'Trek to Mustang' },
      },
    ),
    describeSchema(
      { AddParticipant },
      {
        about: 'Whom to add.',
        fields: { userId: 'The user.', role: 'Their role in the group.' },
        example: { userId: ids.bob, role: 'member' },
      },
    ),
    describeSchema(
      { ChangeRole },
      { about: 'A new role.', fields: { role: 'Their role in the group.' }, example: { role: 'admin' } },
    ),
    describeSchema(
      { ListConversations },
      {
        about: 'Which conversations.',
        fields: {
          type: 'Only those of this type.',
          search:
            'Only those in whose name, or in the name of one of whose participants, this occurs, in any case of its letters.',
          unread: 'Only those with unread messages.',
          cursor: 'Where the page begins: `nextCursor` of the page before, with the same filters.',
          limit: 'How many at most.',
        },
        example: { type: 'group', search: 'trek', unread: 'true', cursor, limit: '20' },
      },
    ),
    describeSchema(
      { MarkRead },
      {
        about: 'Up to where; without either field everything.',
        fields: {
          messageId: 'Up to this message, which excludes `seq`.',
          seq: 'Up to this `seq`, which excludes `messageId`.',
        },
        example: { seq: 1 },
      },
    ),
    describeSchema(
      { SetMute },
      {
        about: 'Whether, and until when.',
        fields: { isMuted: 'Mute it, or no longer.', until: 'When the mute ends; null: not by itself.' },
        example: { isMuted: true, until: times.nextDay },
      },
    ),
    describeSchema(
      { Mute },
      {
        about: 'Whether a conversation is muted.',
        fields: { isMuted: 'It is.', mutedUntil: 'When that ends; null: not by itself.' },
        example: { isMuted: true, mutedUntil: times.nextDay },
      },
    ),
    describeSchema(
      { ReadUpTo },
      {
        about: 'The read position by now.',
        fields: {
          lastReadSeq: 'Up to which `seq` the caller has read.',
          unreadCount: 'What is left unread, up to 1,000.',
        },
        example: { lastReadSeq: 1, unreadCount: 0 },
      },
    ),
    describeSchema(
      { UnreadCount },
      {
        about: 'What is unread in one conversation.',
        fields: { conversationId: 'The conversation.', unreadCount: 'How many messages, up to 1,000.' },
        example: { conversationId: ids.direct, unreadCount: 3 },
      },
    ),
  ],
}
