import * as z from 'zod'

/** The client's own id of a frame. */
export const RequestId = z.string().max(128)

export const ClientFrame = z.strictObject({
  action: z.string(),
  requestId: RequestId.optional(),
  data: z.unknown().optional(),
})

/** The data of an action that takes none. */
export const NoData = z.strictObject({})

/** The data of an ack that tells no more than that it is done. */
export const Done = z.object({})

export const ServerTime = z.object({ serverTime: z.iso.datetime() })
