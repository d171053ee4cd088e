import * as z from 'zod'

/** The client's own id of a frame. */
export const RequestId = z.string().max(128)

export const ClientFrame = z.strictObject({
  action: z.string(),
  requestId: RequestId.optional(),
  data: z.unknown().optional(),
})
