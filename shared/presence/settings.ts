/** In milliseconds. */
export interface PresenceSettings {
  /** How long a user counts as online after a frame … */
  readonly afterFrameMs: number
  /** … and after the last socket has closed. */
  readonly afterCloseMs: number
}

export const presenceSettings: PresenceSettings = { afterFrameMs: 30_000, afterCloseMs: 5_000 }

/** In milliseconds. */
export interface TypingSettings {
  /** Typing ends by itself after this time. */
  readonly endsAfterMs: number
  /** A user's typing in one conversation is passed on once in this time. */
  readonly throttleMs: number
}

export const typingSettings: TypingSettings = { endsAfterMs: 5_000, throttleMs: 3_000 }
