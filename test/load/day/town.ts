import { randomUUID } from 'node:crypto'
import type { Stack } from '../../support/stack.ts'
import { tokenFor } from '../../support/tokens.ts'
import { askHttp } from '../bench/ask-http.ts'
import { atOnce } from '../bench/at-once.ts'

export interface Resident {
  readonly userId: string
  /** Agents stay; everybody else comes and goes. */
  readonly isAgent: boolean
  readonly direct: string[]
  readonly groups: string[]
  readonly business: string[]
}

const groupSize = 8
const directEach = 2
const customersForEachAgent = 10
const requestsAtOnce = 16

export interface Town {
  readonly residents: readonly Resident[]
  /** Customers turn to the business, once its agents are there. */
  openBusinessChats(): Promise<void>
}

/** Everybody knows four others, is in two groups of eight, and every fifth is a customer of the one business, one in fifty its agent. */
export const buildTown = async (stack: Pick<Stack, 'outputs'>, users: number): Promise<Town> => {
  const agents = Math.ceil(users / (customersForEachAgent * 5))
  const residents = Array.from(
    { length: users },
    (_, index): Resident => ({ userId: randomUUID(), isAgent: index < agents, direct: [], groups: [], business: [] }),
  )
  const people = residents.filter(({ isAgent }) => !isAgent)
  const tokens = new Map<string, string>()
  await atOnce(requestsAtOnce, residents, async ({ userId }) => tokens.set(userId, await tokenFor(userId)))
  const ask = <Body>(userId: string, target: string, body?: object) =>
    askHttp<Body>(stack, tokens.get(userId) ?? '', target, body)

  const pairs = Array.from({ length: directEach }, (_, round) =>
    people.map((one, index) => [one, people[(index + 1 + 5 * round) % people.length] ?? one] as const),
  )
  await atOnce(requestsAtOnce, pairs.flat(), async ([one, other]) => {
    const body = { targetUserId: other.userId }
    const { id } = await ask<{ id: string }>(one.userId, 'POST /conversations/direct', body)
    for (const { direct } of [one, other]) direct.push(id)
  })
  const neighbours = people.map((_, index) => people.slice(index, index + groupSize))
  const groups = [0, groupSize / 2].flatMap(first => neighbours.filter((_, index) => index % groupSize === first))
  await atOnce(
    requestsAtOnce,
    groups.filter(({ length }) => length > 2),
    async members => {
      const [creator, ...others] = members
      const body = { participantIds: others.map(({ userId }) => userId) }
      const { id } = await ask<{ id: string }>(creator?.userId ?? '', 'POST /conversations/group', body)
      for (const { groups } of members) groups.push(id)
    },
  )

  const businessId = randomUUID()
  const manager = await tokenFor(randomUUID(), { businessId })
  const byId = new Map(residents.map(resident => [resident.userId, resident]))
  await atOnce(requestsAtOnce, residents.slice(0, agents), async ({ userId }) => {
    const path = `/business/${businessId}/agents/${userId}`
    await askHttp(stack, manager, `POST ${path}`)
    const limit = { maxConcurrentChats: 2 * customersForEachAgent, skills: [] }
    await askHttp(stack, manager, `PUT ${path}/configure`, limit)
  })
  return {
    residents,
    openBusinessChats: () =>
      atOnce(
        requestsAtOnce,
        people.filter((_, index) => index % 5 === 0),
        async customer => {
          const { id, assignment } = await ask<{ id: string; assignment: { agentId: string | null } }>(
            customer.userId,
            'POST /conversations/business',
            { businessId },
          )
          customer.business.push(id)
          byId.get(assignment.agentId ?? '')?.business.push(id)
        },
      ),
  }
}
