import * as z from 'zod'
import { Id } from '../platform/ids.ts'

export const TypingFrame = z.strictObject({ conversationId: Id })
