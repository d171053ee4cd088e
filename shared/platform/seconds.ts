import * as z from 'zod/mini'

/** Ten minutes. More is a mistake: milliseconds where seconds are read. */
const mostSeconds = 600
const error = `Whole seconds, 1 to ${mostSeconds}`
const digits = z.pipe(z.string().check(z.regex(/^\d+$/, { error })), z.transform(Number))

/**
 * A period in the environment, in whole seconds. Of `zod/mini`, because every heartbeat loads it.
 */
export const Seconds = z.pipe(digits, z.number().check(z.minimum(1, { error }), z.maximum(mostSeconds, { error })))
