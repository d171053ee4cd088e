import { v7 } from 'uuid'
import {
  type DocumentedAction,
  type DocumentedRoute,
  documentedActions,
  documentedRoutes,
  uuids,
} from './documented-requests.ts'
import { secretText, type Target, type Victims } from './victims.ts'

/** What an attack sends. */
export interface ForeignRequest {
  readonly target: string
  readonly body: Record<string, unknown> | undefined
}

/** What else is needed of a body than the example of the documents has, so that it is refused for its ids and for nothing else. */
const bodies: Readonly<Record<string, Record<string, unknown>>> = {
  'POST /conversations/{id}/messages': { content: 'Intruder' },
  'PUT /conversations/{id}/mute': { isMuted: true },
}

/** Routes whose path says whose conversation or business is meant. */
export const guardedRoutes = documentedRoutes.filter(({ path }) => path.includes('{'))

/** A request with the ids of others. Throws for a path with an id of which nothing is known here. */
export const foreignRequest = (
  { key, method, path, example }: DocumentedRoute,
  { conversationId, messageId }: Target,
  { businessId, agentId, customerId }: Victims,
): ForeignRequest => {
  const known: Readonly<Record<string, string>> = {
    id: conversationId,
    messageId,
    businessId,
    agentId,
    userId: customerId,
  }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const id = known[name]
    if (id === undefined) throw new Error(`No attack is known on the {${name}} of ${key}`)
    return id
  })
  return { target: `${method} ${filled}`, body: bodies[key] ?? example }
}

/** Of a business and a conversation that there are not, nor the users who are named. */
export const withUnknownIds = ({ target, body }: ForeignRequest): ForeignRequest => ({
  target: target.replaceAll(uuids, () => v7()),
  body,
})

/** All that the answers to two requests at different times can differ in for whoever does not know what they asked for. */
export const withoutIds = (answer: unknown): unknown =>
  JSON.parse(
    JSON.stringify(answer, (name, value) => (['requestId', 'at'].includes(name) ? undefined : value)).replaceAll(
      uuids,
      'an id',
    ),
  )

/** An id in a query or a body: an attack of its own with the answer that it must have, or the reason why it is none. */
export type NamedId =
  | string
  | { readonly attack: (victims: Victims, own: Target) => ForeignRequest; readonly expected: object }

const anybody = 'Everybody may write to everybody.'
const whoeverMay = 'Whoever may use the path may name anybody.'
const groupOf = ({ targets }: Victims): Target => {
  const target = targets.find(({ kind }) => kind === 'group')
  if (!target) throw new Error('The victims have no group')
  return target
}
const offline = { status: 'offline', lastSeenAt: null }

/** By route and field, every id that is named beside a path. */
export const idsBesidePaths: Readonly<Record<string, NamedId>> = {
  'POST /conversations/direct targetUserId': anybody,
  'POST /conversations/group participantIds': anybody,
  'POST /conversations/group id': {
    attack: victims => ({
      target: 'POST /conversations/group',
      body: { id: groupOf(victims).conversationId, participantIds: [victims.customerId] },
    }),
    expected: { code: 'conversation_id_taken' },
  },
  'POST /conversations/{id}/participants userId': whoeverMay,
  'PUT /conversations/{id}/read messageId': {
    attack: (victims, own) => ({
      target: `PUT /conversations/${own.conversationId}/read`,
      body: { messageId: groupOf(victims).messageId },
    }),
    expected: { code: 'not_found' },
  },
  'POST /conversations/{id}/messages id': {
    attack: (victims, own) => ({
      target: `POST /conversations/${own.conversationId}/messages`,
      body: { id: groupOf(victims).messageId, content: 'Intruder' },
    }),
    expected: { code: 'message_id_taken' },
  },
  'POST /conversations/business businessId': 'Everybody may ask a business.',
  'POST /conversations/business initialMessage.id': {
    attack: victims => ({
      target: 'POST /conversations/business',
      body: { businessId: v7(), initialMessage: { id: groupOf(victims).messageId, content: 'Intruder' } },
    }),
    expected: { code: 'message_id_taken' },
  },
  'GET /business/{businessId}/inbox agentId': whoeverMay,
  'POST /business/conversations/{id}/assign agentId': whoeverMay,
  'POST /business/conversations/{id}/reassign agentId': whoeverMay,
  'GET /presence userIds': {
    attack: ({ customerId, agentId }) => ({
      target: `GET /presence?userIds=${customerId},${agentId}`,
      body: undefined,
    }),
    expected: { items: [offline, offline] },
  },
  'POST /internal/profile-events uuid': {
    attack: ({ customerId }) => ({
      target: 'POST /internal/profile-events',
      body: { type: 'user.profile.updated', uuid: customerId },
    }),
    expected: { code: 'unauthorized' },
  },
}

/** A message of others in a conversation of one's own: for every path that names both. */
export const foreignMessageRequests = ({ targets }: Victims, own: Target): ForeignRequest[] =>
  documentedRoutes
    .filter(({ path }) => path.includes('{id}') && path.includes('{messageId}'))
    .flatMap(({ method, path }) =>
      targets.map(({ messageId }) => ({
        target: `${method} ${path.replace('{id}', own.conversationId).replace('{messageId}', messageId)}`,
        body: undefined,
      })),
    )

/** By the field, what an attacker puts there instead of what the documents have. */
const foreignFields: Readonly<
  Record<string, (target: Target, users: Pick<Victims, 'customerId' | 'agentId'>) => unknown>
> = {
  conversationId: ({ conversationId }) => conversationId,
  'positions.conversationId': ({ conversationId }) => conversationId,
  'conversations.id': ({ conversationId }) => conversationId,
  messageId: ({ messageId }) => messageId,
  // An id of one's own, and not too old.
  id: () => v7(),
  userIds: (_, { customerId, agentId }) => [customerId, agentId],
}

const replaced = (value: unknown, path: string, fields: (path: string) => unknown): unknown => {
  const own = fields(path)
  if (own !== undefined) return own
  if (Array.isArray(value)) return value.map(each => replaced(each, path, fields))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, replaced(each, path ? `${path}.${name}` : name, fields)]),
  )
}

/** Actions that name something. */
export const namingActions = documentedActions.filter(({ ids }) => ids.length > 0)

/**
 * The data of frames with the ids of others: where an action takes a list, also of one alone. Throws for an action with an id of
 * which nothing is known here.
 */
export const foreignData = (
  { name, ids, example }: DocumentedAction,
  target: Target,
  users: Pick<Victims, 'customerId' | 'agentId'>,
): Record<string, unknown>[] => {
  const foreign = new Map(
    ids.map(path => {
      const field = foreignFields[path]
      if (!field) throw new Error(`No attack is known on the ${path} of ${name}`)
      return [path, field(target, users)]
    }),
  )
  const data = replaced(example, '', path => foreign.get(path)) as Record<string, unknown>
  const [first] = Array.isArray(data.positions) ? data.positions : []
  return first ? [data, first] : [data]
}

/** Actions that take a list of conversations. */
export const listingActions = namingActions.filter(({ ids }) => ids.some(path => path.includes('.')))

/** The same for a list in which one's own is, too. */
export const amongOwn = (
  action: DocumentedAction,
  targets: readonly [Target, Target],
  users: Pick<Victims, 'customerId' | 'agentId'>,
): Record<string, unknown> => {
  const lists = targets.flatMap(target => Object.entries(foreignData(action, target, users)[0] ?? {}))
  return Object.fromEntries(lists.map(([name]) => [name, lists.flatMap(list => (list[0] === name ? list[1] : []))]))
}

/** Whether something shows what only the victims may know. */
export const tells = (answer: unknown): boolean => JSON.stringify(answer).includes(secretText)
