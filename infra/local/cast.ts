import { demoUsers } from './tokens.ts'

/** Who is there at first, for people who try the service: the same on every machine. */
export const cast = {
  people: [
    { ...demoUsers.alice, name: 'Alice' },
    { ...demoUsers.bob, name: 'Bob' },
    { id: '3a7a0000-0000-4000-8000-000000000003', kahaId: 'maya', name: 'Maya' },
    { id: 'c1aa0000-0000-4000-8000-000000000004', kahaId: 'kiran', name: 'Kiran' },
  ],
  businesses: [
    {
      id: 'cafe0000-0000-4000-8000-000000000005',
      managerId: 'd0ab0000-0000-4000-8000-000000000006',
      name: 'Himal Café',
    },
  ],
} as const

/** Their names by their ids; whoever manages a business bears its name. */
export const castNames: ReadonlyMap<string, string> = new Map([
  ...cast.people.map(({ id, name }) => [id, name] as const),
  ...cast.businesses.flatMap(({ id, managerId, name }) => [[id, name] as const, [managerId, name] as const]),
])
