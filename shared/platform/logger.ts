import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { LogFormatter, Logger, LogItem } from '@aws-lambda-powertools/logger'
import { maskIds } from './id-mask.ts'

type Attributes = Parameters<LogFormatter['formatAttributes']>

/** The ids by which the lines of one event are found. */
export type LogIds = Readonly<
  Partial<Record<'requestId' | 'connectionId' | 'messageId' | 'routeKey' | 'userId', string>>
>

const ids = new AsyncLocalStorage<LogIds>()

/** Every line that is written while the work goes on carries these ids, beside those around it. */
export const withLogIds = <Result>(more: LogIds, work: () => Result): Result =>
  ids.run({ ...ids.getStore(), ...more }, work)

/** Only what is named here gets out of an error: drivers add rows, commands and whole answers to theirs. */
class Formatter extends LogFormatter {
  override formatAttributes(
    { logLevel, message, timestamp, serviceName, xRayTraceId }: Attributes[0],
    more: Attributes[1],
  ) {
    const attributes = {
      level: logLevel,
      message,
      timestamp: this.formatTimestamp(timestamp),
      service: serviceName,
      xray_trace_id: xRayTraceId,
      ...ids.getStore(),
    }
    return new LogItem({ attributes }).addAttributes(more)
  }

  override formatError(error: Error & { code?: unknown }): Attributes[1] {
    const { name, message, stack, cause, code } = error
    return {
      name,
      ...(typeof code === 'string' && { code }),
      message,
      location: this.getCodeLocation(stack),
      stack,
      ...(cause instanceof Error && { cause: this.formatError(cause) }),
    }
  }
}

/** Without one, as in tests, nothing can be joined with the lines of another process. */
const maskKey = process.env.LOG_MASK_KEY || randomBytes(32).toString('base64url')

/** Ids of events, not of anybody: they are looked for as they are. */
const shownIds = new Set(['requestId', 'messageId'])

/**
 * What Lambda's own runtime may write down of an error that is thrown at it, in the place of all that the error has. The error
 * itself has been told to the log.
 */
export const forRuntime = (error: unknown): Error => {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  return Object.assign(new Error(maskIds(maskKey, message, new Date())), { name })
}

/**
 * JSON lines. One environment may serve many requests at once, so nothing of a request is kept in the logger: the ids come with
 * the work, the rest is given with the line. UUIDs are masked, all but those of requests and messages. Never content, tokens or
 * names.
 */
export const logger = new Logger({
  logFormatter: new Formatter(),
  jsonReplacerFn: (name, value: unknown) =>
    typeof value === 'string' && !shownIds.has(name) ? maskIds(maskKey, value, new Date()) : value,
})
