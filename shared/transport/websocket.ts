import middy from '@middy/core'
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import * as z from 'zod'
import type { Audit } from '../audit/audit.ts'
import type { Caller } from '../auth/caller.ts'
import type { Push } from '../delivery/push.ts'
import { type FrameDeps, takeFrame } from '../delivery/signs.ts'
import type { Connection } from '../delivery/switchboard.ts'
import type { Clock } from '../platform/clock.ts'
import { asProblem, Problem, type ProblemCode, problemDocument } from '../platform/problems.ts'
import { parseInput } from '../platform/validation.ts'
import { ClientFrame, RequestId } from './frames.schema.ts'
import { loggingIds } from './log-ids.ts'
import { measureProblem, publishingMetrics } from './measuring.ts'
import { type Frame, frameOfEvent, isTokenExpired } from './websocket-event.ts'
import { logUnexpected } from './websocket-lifecycle.ts'

export interface WebSocketDeps extends FrameDeps {
  push: Push
  audit: Audit
  clock: Clock
}

const answerBeforeTimeoutMs = 500

interface ActionContext {
  caller: Caller
  connection: Connection
  /** The client's own id of the frame. */
  requestId: string | undefined
  /** Puts on record that these of the conversations that were named are not the caller's, and were passed over. */
  passOver(conversationIds: readonly string[]): Promise<void>
}

export type ActionRequest<Data> = ActionContext & { data: Data }

export interface Action {
  data: z.ZodType
  /** It sends a message. */
  isSend: boolean
  handle(context: ActionContext, data: unknown): Promise<unknown>
}

/** What a client asks for by `action`; what the handler returns becomes the `data` of the ack. */
export const action = <Data>(
  schema: z.ZodType<Data>,
  handle: (request: ActionRequest<Data>) => Promise<unknown>,
  { isSend = false } = {},
): Action => ({
  data: schema,
  isSend,
  handle: async (context, data) => handle({ ...context, data: parseInput(schema, data, 'data') }),
})

const HasRequestId = z.object({ requestId: RequestId })

const parsedBody = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new Problem('invalid_json', 'The frame is not valid JSON.', { cause })
  }
}

/** The client's own id of a frame, also of one that is wrong elsewhere, so that the error finds its request. */
const requestIdOf = (body: string): string | undefined => {
  try {
    return HasRequestId.safeParse(JSON.parse(body)).data?.requestId
  } catch {
    return undefined
  }
}

const Named = z.string().max(64).toLowerCase()
const NamesConversations = z.object({
  data: z.union([
    z.object({ conversationId: Named }).transform(({ conversationId }) => [conversationId]),
    z
      .object({ positions: z.array(z.object({ conversationId: Named })) })
      .transform(({ positions }) => positions.map(({ conversationId }) => conversationId)),
  ]),
})

/** So that a refusal can be found by it later. Several are one entry: a frame is not to cost more than that. */
const targetOf = ([id, ...others]: readonly string[]): Record<string, string> => {
  if (id === undefined) return {}
  return others.length === 0 ? { conversationId: id } : { conversationIds: [id, ...others].join(' ') }
}

const recordRefusal = (
  { audit }: WebSocketDeps,
  frame: Frame,
  { route, conversationIds, reason }: { route: string; conversationIds: readonly string[]; reason: ProblemCode },
): Promise<void> =>
  audit.record({
    action: 'access.refused',
    userId: frame.caller.id,
    businessId: frame.caller.businessId,
    target: targetOf(conversationIds),
    outcome: 'refused',
    reason,
    route,
    requestId: frame.requestId,
  })

/** Does what a frame asks for, and puts on record when that is not the caller's. */
const answerTo = async (deps: WebSocketDeps, frame: Frame, route: string, work: () => Promise<unknown>) => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.isRefusal) {
      const conversationIds = NamesConversations.safeParse(parsedBody(frame.body)).data?.data ?? []
      await recordRefusal(deps, frame, { route, conversationIds, reason: error.code })
    }
    throw error
  }
}

const errorFrame = (problem: Problem, frame: Frame): string =>
  JSON.stringify({
    event: 'error',
    requestId: requestIdOf(frame.body),
    error: problemDocument(problem, frame.requestId),
  })

/** Says why, then closes: the answer of a route comes too late for a socket that is to end. */
const closeWith = async ({ push }: WebSocketDeps, problem: Problem, frame: Frame): Promise<void> => {
  await push.send(frame.connection.id, errorFrame(problem, frame))
  await push.close(frame.connection.id)
}

interface Asked {
  found: Action
  name: string
  requestId: string | undefined
  data: unknown
}

/** Rejects when a frame asks for nothing that there is. */
const askedFor = async (actions: Record<string, Action>, body: string): Promise<Asked> => {
  const { action: name, requestId, data = {} } = parseInput(ClientFrame, parsedBody(body))
  const found = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!found) throw new Problem('unknown_action', `There is no action ${JSON.stringify(name.slice(0, 64))}.`)
  return { found, name, requestId, data }
}

/**
 * The handler of a two-way route: the answer goes back as the route's response, which costs no push. A bad frame is answered
 * by an `error`, and the socket stays open; only an expired token closes it, or a user who goes on past their limits. Without a
 * `requestId` success is not answered. It carries its actions, from which the protocol is described.
 */
export const webSocketActions = (deps: WebSocketDeps, actions: Record<string, Action>) => {
  const handler = middy<unknown, APIGatewayProxyStructuredResultV2>({
    timeoutEarlyInMillis: answerBeforeTimeoutMs,
    timeoutEarlyResponse: () => {
      throw new Problem('timeout', 'The request took too long. Try again.')
    },
  })
    .use(publishingMetrics)
    .onError(async request => {
      const problem = asProblem(request.error)
      measureProblem(problem)
      const frame = frameOfEvent(request.event)
      logUnexpected(problem)
      if (problem.code === 'token_expired' || problem.options.endsSocket) {
        await closeWith(deps, problem, frame)
        request.response = { statusCode: 200 }
      } else {
        request.response = { statusCode: problem.status, body: errorFrame(problem, frame) }
      }
    })
    .handler(async event => {
      const frame = frameOfEvent(event)
      const now = deps.clock.now()
      if (isTokenExpired(frame, now)) {
        throw new Problem('token_expired', 'The token of this connection has expired. Connect with a new one.')
      }
      const { caller, connection } = frame
      const asking = askedFor(actions, frame.body)
      const isSend = await asking.then(
        ({ found }) => found.isSend,
        () => false,
      )
      // Also one that makes no sense counts.
      await takeFrame(deps, { connection, endsAt: caller.expiresAt, isSend }, now)
      const { found, name, requestId, data } = await asking
      const context: ActionContext = {
        caller,
        connection,
        requestId,
        passOver: async conversationIds => {
          if (conversationIds.length === 0) return
          await recordRefusal(deps, frame, { route: name, conversationIds, reason: 'not_found' })
        },
      }
      const answer = await answerTo(deps, frame, name, () => found.handle(context, data))
      return {
        statusCode: 200,
        ...(requestId !== undefined && { body: JSON.stringify({ event: 'ack', requestId, data: answer ?? {} }) }),
      }
    })
  return Object.assign(loggingIds(handler), { actions })
}
