import { ExponentialBackoff } from 'cockatiel'

/** How often something is asked again that is refused because a store is down. */
export const patience = { maxAttempts: 4, backoff: new ExponentialBackoff({ initialDelay: 500, maxDelay: 4_000 }) }
