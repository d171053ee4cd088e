import * as z from 'zod'

/** An entry as it comes out of the queue: what it is found by. The rest is kept as it came, also what this does not know. */
export const StoredEntry = z.looseObject({
  id: z.uuid(),
  at: z.iso.datetime(),
  userId: z.string().optional(),
  target: z.record(z.string(), z.string()).optional(),
  others: z.array(z.string()).optional(),
  address: z.string().optional(),
})
export type StoredEntry = z.output<typeof StoredEntry>
