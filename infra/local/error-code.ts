/** `ENOENT` and the like; undefined for errors that carry no code. */
export const errorCode = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
