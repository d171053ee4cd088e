import * as z from 'zod'
import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import {
  AddParticipant,
  ChangeRole,
  CreateGroup,
  ListConversations,
  OpenDirect,
  RenameGroup,
  SetMute,
} from '../../shared/conversations/conversations.schema.ts'
import {
  type ConversationDeps,
  createGroup,
  getConversation,
  type ListDeps,
  listOwnConversations,
  openDirect,
  renameGroup,
} from '../../shared/conversations/conversations.ts'
import { listCacheFromEnvironment } from '../../shared/conversations/list-cache.config.ts'
import { muteConversation } from '../../shared/conversations/mute.ts'
import { addParticipant, changeRole, removeFromGroup } from '../../shared/conversations/participants.ts'
import { deliveryFromEnvironment } from '../../shared/delivery/from-environment.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { Id } from '../../shared/platform/ids.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { receiptQueueFromEnvironment } from '../../shared/receipts/receipt.jobs.ts'
import { MarkRead } from '../../shared/receipts/receipts.schema.ts'
import { markConversationRead, type ReceiptDeps, unreadCountOf } from '../../shared/receipts/receipts.ts'
import { created, type HttpDeps, http, noContent, ok, route } from '../../shared/transport/http.ts'

const Conversation = z.strictObject({ id: Id })
const Participant = z.strictObject({ id: Id, userId: Id })

export const createHandler = (deps: HttpDeps & ConversationDeps & ReceiptDeps & ListDeps) =>
  http(deps, {
    'POST /conversations/direct': route({ body: OpenDirect }, async ({ caller, body }) => {
      const opened = await openDirect(deps, caller.id, body.targetUserId)
      return opened.created ? created(opened.conversation) : ok(opened.conversation)
    }),
    'POST /conversations/group': route({ body: CreateGroup }, async ({ caller, body }) => {
      const opened = await createGroup(deps, caller.id, body)
      return opened.created ? created(opened.conversation) : ok(opened.conversation)
    }),
    'GET /conversations': route({ query: ListConversations }, async ({ caller, query }) =>
      ok(await listOwnConversations(deps, caller.id, query)),
    ),
    'GET /conversations/{id}': route({ params: Conversation }, async ({ caller, params }) =>
      ok(await getConversation(deps, caller, params.id)),
    ),
    'PATCH /conversations/{id}': route({ params: Conversation, body: RenameGroup }, async ({ caller, params, body }) =>
      ok(await renameGroup(deps, { caller, conversationId: params.id, name: body.name })),
    ),
    'POST /conversations/{id}/participants': route(
      { params: Conversation, body: AddParticipant },
      async ({ caller, params, body }) => {
        const target = { caller, conversationId: params.id, targetUserId: body.userId }
        return created(await addParticipant(deps, { ...target, role: body.role }))
      },
    ),
    'DELETE /conversations/{id}/participants/{userId}': route({ params: Participant }, async ({ caller, params }) => {
      await removeFromGroup(deps, { caller, conversationId: params.id, targetUserId: params.userId })
      return noContent()
    }),
    'PUT /conversations/{id}/participants/{userId}/role': route(
      { params: Participant, body: ChangeRole },
      async ({ caller, params, body }) => {
        const target = { caller, conversationId: params.id, targetUserId: params.userId }
        return ok(await changeRole(deps, { ...target, role: body.role }))
      },
    ),
    'PUT /conversations/{id}/read': route({ params: Conversation, body: MarkRead }, async ({ caller, params, body }) =>
      ok(await markConversationRead(deps, { ...body, caller, conversationId: params.id })),
    ),
    'PUT /conversations/{id}/mute': route({ params: Conversation, body: SetMute }, async ({ caller, params, body }) =>
      ok(await muteConversation(deps, { ...body, caller, conversationId: params.id })),
    ),
    'GET /conversations/{id}/unread-count': route({ params: Conversation }, async ({ caller, params }) =>
      ok({ conversationId: params.id, unreadCount: await unreadCountOf(deps, caller, params.id) }),
    ),
  })

export const handler = createHandler(
  runtime({
    ...deliveryFromEnvironment,
    tokens: tokenVerifierFromEnvironment(systemClock),
    profiles: profilesFromEnvironment,
    listCache: listCacheFromEnvironment,
    receipts: receiptQueueFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
  }),
)
