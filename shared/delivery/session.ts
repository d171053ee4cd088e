/** What a client is told of the rhythm that the server expects, in `session.ready`; operators change the first. */
export const clientSettings = {
  heartbeatSeconds: 15,
  /** A client asks by `sync` for a gap that stays open this long. */
  gapSeconds: 2,
  /** It reconnects before the gateway ends the connection after two hours. */
  reconnectAfterSeconds: 110 * 60,
} as const
