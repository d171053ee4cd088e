import * as z from 'zod'
import { Id } from '../platform/ids.ts'

export const TypingFrame = z.strictObject({ conversationId: Id })

/** When typing ends by itself, or has ended. */
export const TypingEnd = z.object({ expiresAt: z.iso.datetime() })
export type TypingEnd = z.output<typeof TypingEnd>

export const TypingStarted = z.object({ conversationId: z.uuid(), userId: z.uuid(), ...TypingEnd.shape })
