import * as z from 'zod'
import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import type { Caller } from '../../shared/auth/caller.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import {
  addAgent,
  configureAgent,
  listAgentsWithStats,
  listBusinessAgents,
  removeAgent,
  setAvailability,
} from '../../shared/business/agents.ts'
import {
  assignConversation,
  closeConversation,
  reassignConversation,
  reopenConversation,
} from '../../shared/business/assignment.ts'
import {
  AgentsQuery,
  Assign,
  BusinessSettings,
  ConfigureAgent,
  InboxQuery,
  OpenBusiness,
  Reassign,
  SetAvailability,
} from '../../shared/business/business.schema.ts'
import {
  changeHours,
  changeSettings,
  getBusinessPresence,
  getHours,
  getHoursStatus,
  getStats,
} from '../../shared/business/businesses.ts'
import { BusinessHours } from '../../shared/business/hours.schema.ts'
import { readInbox } from '../../shared/business/inbox.ts'
import { openBusiness } from '../../shared/business/open-business.ts'
import { type BusinessRole, requireBusinessRole, requireChat } from '../../shared/business/permissions.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { pushFromEnvironment } from '../../shared/delivery/push.ts'
import { replayQueueFromEnvironment } from '../../shared/delivery/replay.jobs.ts'
import { switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import type { SendDeps } from '../../shared/messages/send-message.ts'
import { pushChecksFromEnvironment } from '../../shared/notifications/push-check.jobs.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { Id } from '../../shared/platform/ids.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { deliveredFromEnvironment } from '../../shared/receipts/delivered.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { created, type HttpDeps, http, noContent, ok, route } from '../../shared/transport/http.ts'

const Business = z.strictObject({ businessId: Id })
const AgentOfBusiness = z.strictObject({ businessId: Id, agentId: Id })
const Conversation = z.strictObject({ id: Id })

export const createHandler = (deps: HttpDeps & SendDeps) => {
  /** The one entry of every `/business/{businessId}/…` route. */
  const only = (role: BusinessRole) => ({
    permission: (caller: Caller, params: { businessId: string; agentId?: string }) =>
      requireBusinessRole(deps.db, caller, params, role),
  })
  /** The one entry of every `/business/conversations/{id}/…` route. */
  const onlyChat = (role: 'manager' | 'agent') => ({
    permission: (caller: Caller, params: { id: string }) => requireChat(deps.db, caller, params.id, role),
  })
  const ofBusiness = (role: BusinessRole) => ({ params: Business, ...only(role) })
  const ofAgent = (role: BusinessRole) => ({ params: AgentOfBusiness, ...only(role) })
  const ofChat = (role: 'manager' | 'agent') => ({ params: Conversation, ...onlyChat(role) })

  return http(deps, {
    'POST /conversations/business': route({ body: OpenBusiness, isSend: true }, async ({ caller, body }) => {
      const opened = await openBusiness(deps, caller.id, body)
      return opened.created ? created(opened.conversation) : ok(opened.conversation)
    }),
    'GET /business/{businessId}/inbox': route(
      { ...ofBusiness('staff'), query: InboxQuery },
      async ({ caller, params, query }) => ok(await readInbox(deps, caller, params.businessId, query)),
    ),
    'GET /business/{businessId}/stats': route(ofBusiness('staff'), async ({ params }) =>
      ok(await getStats(deps, params.businessId)),
    ),
    'GET /business/{businessId}/agents': route(
      { ...ofBusiness('staff'), query: AgentsQuery },
      async ({ params, query }) => ok(await listBusinessAgents(deps, params.businessId, query)),
    ),
    'GET /business/{businessId}/agents/stats': route(
      { ...ofBusiness('staff'), query: AgentsQuery },
      async ({ params, query }) => ok(await listAgentsWithStats(deps, params.businessId, query)),
    ),
    'POST /business/{businessId}/agents/{agentId}': route(ofAgent('manager'), async ({ caller, params }) => {
      const added = await addAgent(deps, { ...params, caller })
      return added.created ? created(added.agent) : ok(added.agent)
    }),
    'DELETE /business/{businessId}/agents/{agentId}': route(ofAgent('manager'), async ({ caller, params }) => {
      await removeAgent(deps, { ...params, caller })
      return noContent()
    }),
    'PUT /business/{businessId}/agents/{agentId}/configure': route(
      { ...ofAgent('manager'), body: ConfigureAgent },
      async ({ params, body }) => ok(await configureAgent(deps, params, body)),
    ),
    'PUT /business/{businessId}/agents/{agentId}/availability': route(
      { ...ofAgent('agent'), body: SetAvailability },
      async ({ params, body }) => ok(await setAvailability(deps, params, body.isAvailable)),
    ),
    'PUT /business/{businessId}/settings': route(
      { ...ofBusiness('manager'), body: BusinessSettings },
      async ({ params, body }) => ok(await changeSettings(deps, params.businessId, body)),
    ),
    'GET /business/{businessId}/hours': route(ofBusiness('customer'), async ({ params }) =>
      ok(await getHours(deps, params.businessId)),
    ),
    'PUT /business/{businessId}/hours': route(
      { ...ofBusiness('manager'), body: BusinessHours },
      async ({ params, body }) => ok(await changeHours(deps, params.businessId, body)),
    ),
    'GET /business/{businessId}/hours/status': route(ofBusiness('customer'), async ({ params }) =>
      ok(await getHoursStatus(deps, params.businessId)),
    ),
    'GET /business/{businessId}/presence': route(ofBusiness('customer'), async ({ params }) =>
      ok(await getBusinessPresence(deps, params.businessId)),
    ),
    'POST /business/conversations/{id}/assign': route(
      { ...ofChat('manager'), body: Assign },
      async ({ caller, params, body }) =>
        ok(await assignConversation(deps, { caller, conversationId: params.id, agentId: body.agentId })),
    ),
    'POST /business/conversations/{id}/reassign': route(
      { ...ofChat('manager'), body: Reassign },
      async ({ caller, params, body }) =>
        ok(await reassignConversation(deps, { caller, conversationId: params.id, ...body })),
    ),
    'POST /business/conversations/{id}/close': route(ofChat('agent'), async ({ caller, params }) =>
      ok(await closeConversation(deps, { caller, conversationId: params.id })),
    ),
    'POST /business/conversations/{id}/reopen': route(ofChat('agent'), async ({ caller, params }) =>
      ok(await reopenConversation(deps, { caller, conversationId: params.id })),
    ),
  })
}

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    switchboard: switchboardFromEnvironment,
    delivered: deliveredFromEnvironment,
    profiles: profilesFromEnvironment,
    push: pushFromEnvironment,
    replays: replayQueueFromEnvironment,
    pushChecks: pushChecksFromEnvironment,
    presence: presenceFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
    clock: () => systemClock,
  }),
)
