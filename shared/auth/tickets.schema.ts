import * as z from 'zod'

export const Ticket = z.object({ ticket: z.string(), expiresAt: z.iso.datetime(), url: z.url() })
export type Ticket = z.output<typeof Ticket>
