import { createSignal, type Observable } from './observable.ts'

export interface Person {
  readonly id: string
  readonly kahaId: string
  readonly name: string
  /** They manage this business. */
  readonly businessId?: string
}

export interface Business {
  readonly id: string
  readonly managerId: string
  readonly name: string
}

interface Cast {
  readonly people: readonly Person[]
  readonly businesses: readonly Business[]
}

/** Everybody whom this page can be: those who are there at first, and those who were made here. */
export interface People extends Observable {
  /** Who manages a business comes last. */
  list(): Person[]
  businesses(): Business[]
  find(id: string): Person | undefined
  business(id: string): Business | undefined
  /** The businesses whose agent this page has made them. */
  dutiesOf(personId: string): Business[]
  setAgent(businessId: string, personId: string, isAgent: boolean): void
  add(name: string): Promise<Person>
  /** Makes a business; resolves with its manager. */
  addBusiness(name: string): Promise<Person>
  token(person: Person): Promise<string>
}

const storageKey = 'kaha-chat-playground'
const base = '/playground'

interface Made {
  people: Person[]
  businesses: Business[]
  /** Ids of a business and its agent. */
  agents: [businessId: string, personId: string][]
}

const madeBefore = (): Made => {
  const nothing: Made = { people: [], businesses: [], agents: [] }
  try {
    return { ...nothing, ...JSON.parse(localStorage.getItem(storageKey) ?? '{}') }
  } catch {
    return nothing
  }
}

const managerOf = ({ id, managerId, name }: Business): Person => ({
  id: managerId,
  kahaId: `manager-${managerId.slice(0, 8)}`,
  name,
  businessId: id,
})

/** Asks the local host; with a body by POST. */
const ask = async (path: string, body?: unknown): Promise<unknown> => {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(base + path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : {})
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}

export const loadPeople = async (): Promise<People> => {
  const cast = (await ask('/cast.json')) as Cast
  const made = madeBefore()
  const { subscribe, changed } = createSignal()
  const businesses = (): Business[] => [...cast.businesses, ...made.businesses]
  const list = (): Person[] => [...cast.people, ...made.people, ...businesses().map(managerOf)]
  /** The service asks who somebody is; those who were made here are known here only. */
  const tellNames = (): Promise<unknown> => {
    const named = [...made.people, ...made.businesses, ...made.businesses.map(managerOf)]
    return ask(
      '/names',
      named.map(({ id, name }) => ({ id, name })),
    )
  }
  const keep = (): void => {
    localStorage.setItem(storageKey, JSON.stringify(made))
    changed()
  }
  await tellNames()
  return {
    subscribe,
    list,
    businesses,
    find: id => list().find(person => person.id === id),
    business: id => businesses().find(business => business.id === id),
    dutiesOf: personId =>
      businesses().filter(({ id }) =>
        made.agents.some(([businessId, agentId]) => businessId === id && agentId === personId),
      ),
    setAgent: (businessId, personId, isAgent) => {
      const others = made.agents.filter(([business, agent]) => business !== businessId || agent !== personId)
      made.agents = isAgent ? [...others, [businessId, personId]] : others
      keep()
    },
    add: async name => {
      const id = crypto.randomUUID()
      const person = { id, kahaId: `playground-${id.slice(0, 8)}`, name }
      made.people.push(person)
      await tellNames()
      keep()
      return person
    },
    addBusiness: async name => {
      const business = { id: crypto.randomUUID(), managerId: crypto.randomUUID(), name }
      made.businesses.push(business)
      await tellNames()
      keep()
      return managerOf(business)
    },
    token: async ({ id, kahaId, businessId }) => {
      const { token } = (await ask('/token', { id, kahaId, ...(businessId && { businessId }) })) as { token: string }
      return token
    },
  }
}
