/** Faults that API Gateway is allowed to show, off at first. Set them at any time; they hold from the next event on. */
export interface GatewayFaults {
  /** Share (0 to 1) of posts to connections that are answered 429 `LimitExceededException`. */
  throttledPosts: number
  /** Share (0 to 1) of posts to connections that are answered 200 and whose frame never leaves. */
  swallowedPosts: number
  /** How long a post to a connection takes at least, in milliseconds. */
  postLatencyMs: number
  /** `$disconnect` is best effort on AWS: with `true` it never comes. */
  lostDisconnects: boolean
}

export const noFaults = (): GatewayFaults => ({
  throttledPosts: 0,
  swallowedPosts: 0,
  postLatencyMs: 0,
  lostDisconnects: false,
})

/** Draws whether a fault of that share (0 to 1) happens now. */
export const happens = (share: number): boolean => share > 0 && Math.random() < share
