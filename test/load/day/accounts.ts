import type { MessageStore } from '../../../shared/messages/message-body.ts'
import { storedMessages } from '../../support/stored-messages.ts'
import { atOnce } from '../bench/at-once.ts'
import type { Account } from './comparison.ts'
import type { Person } from './person.ts'

const readsAtOnce = 8

/** Each conversation of these people as it is stored, and as those who are in it now saw it. */
export const storedAccounts = async (store: MessageStore, people: readonly Person[]): Promise<Account[]> => {
  const byId = new Map(people.map(person => [person.resident.userId, person]))
  const participants = await store.db
    .selectFrom('participants')
    .select(['conversation_id', 'user_id', 'joined_seq'])
    .where('left_at', 'is', null)
    .execute()
  const accepted = Map.groupBy(
    people.flatMap(person => person.accepted),
    ({ conversationId }) => conversationId,
  )
  const ownOf = new Map(
    people.map(person => [person, Map.groupBy(person.accepted, ({ conversationId }) => conversationId)]),
  )
  const accounts: Account[] = []
  const conversations = [...Map.groupBy(participants, row => row.conversation_id)]
  await atOnce(readsAtOnce, conversations, async ([conversationId, members]) => {
    accounts.push({
      stored: await storedMessages(store, conversationId),
      accepted: accepted.get(conversationId) ?? [],
      members: members.flatMap(({ user_id, joined_seq }) => {
        const person = byId.get(user_id)
        if (!person) return []
        const holds = new Map(person.texts.get(conversationId))
        for (const { seq, content } of ownOf.get(person)?.get(conversationId) ?? []) holds.set(seq, content)
        return { joinedSeq: joined_seq, holds }
      }),
    })
  })
  return accounts
}
