import { Logger } from '@aws-lambda-powertools/logger'

/**
 * JSON lines. One environment may serve many requests at once, so nothing of a request is kept in the logger: what belongs to
 * a line is given with it. Never content, tokens or names.
 */
export const logger = new Logger()
