import * as z from 'zod'
import type { SealedRow } from './message-body.ts'

/** A message outside of Postgres, as it is stored there: its body stays sealed. */
export const SealedJson = z.object({
  id: z.string(),
  conversation_id: z.string(),
  seq: z.int(),
  sender_id: z.string(),
  type: z.enum(['text', 'system']),
  key_id: z.int().nullable(),
  body: z
    .string()
    .transform(text => Buffer.from(text, 'base64'))
    .nullable(),
  content: z.null(),
  metadata: z.null(),
  sent_at: z.coerce.date(),
  deleted_at: z.coerce.date().nullable(),
})

/** Undefined for a message that is stored in the clear, from before messages were encrypted: it goes nowhere else. */
export const toSealedJson = (row: SealedRow): z.input<typeof SealedJson> | undefined => {
  const { content, metadata } = row
  if (content !== null || metadata !== null) return undefined
  return { ...row, content, metadata, body: row.body?.toString('base64') ?? null }
}
