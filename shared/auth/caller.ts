/** Who a request or a frame comes from, as their token says. */
export interface Caller {
  /** The user's UUID, in lower case. */
  id: string
  kahaId: string
  /** The business that the caller manages. */
  businessId?: string
  expiresAt: Date
}
