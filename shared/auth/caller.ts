/** Who a request or a frame comes from, as their token says. */
export interface Caller {
  /** The user's UUID, in lower case. */
  id: string
  kahaId: string
  /** The business that the caller manages. */
  businessId?: string
  expiresAt: Date
}

/** Through whose eyes something is seen: a user, who may manage a business besides. */
export type Viewer = Pick<Caller, 'id' | 'businessId'>
