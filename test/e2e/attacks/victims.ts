import { randomUUID } from 'node:crypto'
import type { OpenedConversation } from '../../../shared/business/business.schema.ts'
import type { Conversation, ConversationPage } from '../../../shared/conversations/conversations.schema.ts'
import type { Message, MessagePage } from '../../../shared/messages/messages.schema.ts'
import { tokenFor } from '../../support/tokens.ts'
import { openSocket, type WireSocket } from '../../support/wire-client.ts'
import { succeed } from './succeed.ts'

/** A conversation of others, and what there is in it to get at. */
export interface Target {
  readonly kind: 'direct' | 'group' | 'business'
  readonly conversationId: string
  readonly messageId: string
}

export interface Attacker {
  readonly name: string
  readonly token: string
  readonly socket: WireSocket
  /** A conversation of their own. */
  readonly own: Target
}

/** People who have something to hide, and people who want to know it. */
export interface Victims {
  readonly targets: readonly [Target, ...Target[]]
  readonly businessId: string
  readonly agentId: string
  readonly customerId: string
  readonly attackers: readonly Attacker[]
  /** All that the victims see of what is theirs, to be compared. */
  state(): Promise<unknown>
  /** What their sockets have heard since something was said. */
  heard(): unknown[]
  /** Closes the sockets of all, the attackers' too. */
  close(): Promise<void>
}

/** So that the victims stay online, however long the attack takes. */
const heartbeatMs = 10_000

/** Stands in every message, and in the name of the group. */
export const secretText = 'For the victims’ eyes only'

const newAttacker = async (name: string, token: string): Promise<Attacker> => {
  const { id } = await succeed<Conversation>('POST /conversations/direct', token, { targetUserId: randomUUID() })
  const message = await succeed<Message>(`POST /conversations/${id}/messages`, token, { content: 'My own' })
  const own: Target = { kind: 'direct', conversationId: id, messageId: message.id }
  return { name, token, socket: await openSocket(token), own }
}

/** A direct conversation, a group and a chat with a business, in which something was said; and who has no part in them any more. */
export const openVictims = async (): Promise<Victims> => {
  const [alice, bob, carol, eve, mallory, rival, boss, businessId, rivalBusinessId] = Array.from({ length: 9 }, () =>
    randomUUID(),
  ) as [string, string, string, string, string, string, string, string, string]
  const tokens = Object.fromEntries(
    await Promise.all([alice, bob, carol, eve, mallory, rival].map(async id => [id, await tokenFor(id)] as const)),
  )
  const tokenOf = (id: string): string => tokens[id] ?? ''
  const [managersToken, bossToken] = await Promise.all([
    tokenFor(carol, { businessId }),
    tokenFor(boss, { businessId: rivalBusinessId }),
  ])

  await succeed(`POST /business/${businessId}/agents/${bob}`, managersToken)
  await succeed(`POST /business/${rivalBusinessId}/agents/${rival}`, bossToken)
  const sockets: WireSocket[] = await Promise.all([alice, bob].map(id => openSocket(tokenOf(id))))
  for (const socket of sockets) await socket.until(({ event }) => event === 'session.ready')

  const group = { participantIds: [bob, mallory], name: secretText }
  const opened = {
    direct: await succeed<Conversation>('POST /conversations/direct', tokenOf(alice), { targetUserId: bob }),
    group: await succeed<Conversation>('POST /conversations/group', tokenOf(alice), group),
    business: await succeed<OpenedConversation>('POST /conversations/business', tokenOf(alice), { businessId }),
  }
  const targetIn = async (kind: Target['kind']): Promise<Target> => {
    const { id: conversationId } = opened[kind]
    const message = { content: secretText, metadata: { secretText } }
    const path = `/conversations/${conversationId}/messages`
    const { id: messageId } = await succeed<Message>(`POST ${path}`, tokenOf(alice), message)
    return { kind, conversationId, messageId }
  }
  const targets = [await targetIn('direct'), await targetIn('group'), await targetIn('business')] as const
  await succeed(`DELETE /conversations/${opened.group.id}/participants/${mallory}`, tokenOf(mallory))

  const seenBy = async (userId: string, token = tokenOf(userId)) => ({
    conversations: (await succeed<ConversationPage>('GET /conversations', token)).items,
    unread: await succeed('GET /notifications/unread-counts', token),
    preferences: await succeed('GET /notifications/preferences', token),
    histories: await Promise.all(
      targets.map(({ conversationId }) => succeed<MessagePage>(`GET /conversations/${conversationId}/messages`, token)),
    ),
  })
  const seenOfBusiness = () =>
    Promise.all(
      ['inbox', 'agents', 'hours', 'agents/stats'].map(part =>
        succeed(`GET /business/${businessId}/${part}`, managersToken),
      ),
    )
  const attackers = [
    await newAttacker('a stranger', tokenOf(eve)),
    await newAttacker('somebody who has left', tokenOf(mallory)),
    await newAttacker('an agent of another business', tokenOf(rival)),
    await newAttacker('the manager of another business', bossToken),
  ]
  const heartbeats = setInterval(() => {
    for (const socket of sockets) socket.send({ action: 'heartbeat', data: {} })
  }, heartbeatMs)
  const heardBefore = sockets.map(socket => socket.frames.length)
  return {
    targets,
    businessId,
    agentId: bob,
    customerId: alice,
    attackers,
    state: async () => [await seenBy(alice), await seenBy(bob), await seenOfBusiness()],
    // What they have not acknowledged comes again after a while.
    heard: () =>
      sockets.flatMap((socket, index) =>
        socket.frames.slice(heardBefore[index]).filter(({ event }) => event && event !== 'messages.batch'),
      ),
    close: async () => {
      clearInterval(heartbeats)
      await Promise.all([...sockets, ...attackers.map(({ socket }) => socket)].map(socket => socket.close()))
    },
  }
}
