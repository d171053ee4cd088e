import middy from '@middy/core'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { Kysely } from 'kysely'
import * as z from 'zod'
import type { Audit } from '../audit/audit.ts'
import type { Caller } from '../auth/caller.ts'
import { answerToRefused } from '../auth/refused-tokens.ts'
import type { ServiceToken } from '../auth/service-token.ts'
import type { TokenVerifier } from '../auth/tokens.ts'
import type { Database } from '../database/schema.ts'
import type { Limits } from '../limits/limits.ts'
import type { Clock } from '../platform/clock.ts'
import { logger, withLogIds } from '../platform/logger.ts'
import { asProblem, Problem, problemDocument } from '../platform/problems.ts'
import { parseInput } from '../platform/validation.ts'
import { ensureUser } from '../users/users.ts'
import { loggingIds } from './log-ids.ts'
import { measureProblem, publishingMetrics } from './measuring.ts'

export interface HttpDeps {
  tokens: TokenVerifier
  limits: Limits
  audit: Audit
  db: Kysely<Database>
  clock: Clock
}

const maxBodyBytes = 256 * 1024
/** The function answers by itself this long before Lambda would end it, whose answer is not a problem document. */
const answerBeforeTimeoutMs = 500

export interface HttpAnswer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

export const ok = (body: unknown): HttpAnswer => ({ status: 200, body })
export const created = (body: unknown): HttpAnswer => ({ status: 201, body })
export const noContent = (): HttpAnswer => ({ status: 204 })

type Empty = Record<never, never>
const nothing = z.strictObject({})

/** What a request may hold; without a schema nothing. */
export interface RequestSchemas<Params = unknown, Query = unknown, Body = unknown> {
  params?: z.ZodType<Params>
  query?: z.ZodType<Query>
  body?: z.ZodType<Body>
}

export interface RouteInput<Params, Query, Body> extends RequestSchemas<Params, Query, Body> {
  /** Whether the caller may do this at all: asked before anything else of the request is looked at. Throws when not. */
  permission?: (caller: Caller, params: Params) => Promise<unknown>
  /** It may send a message, and so counts as one. */
  isSend?: true
}

export interface RouteRequest<Params, Query, Body> {
  caller: Caller
  params: Params
  query: Query
  body: Body
}

type Answering = (event: APIGatewayProxyEventV2, caller: Caller) => Promise<HttpAnswer>
type PublicAnswering = (event: APIGatewayProxyEventV2) => Promise<HttpAnswer>

export type Route =
  | { access: 'token'; request: RequestSchemas; isSend: boolean; answer: Answering }
  | { access: 'public' | 'service'; request: RequestSchemas; answer: PublicAnswering }

const rawBody = (event: APIGatewayProxyEventV2): Buffer =>
  Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')

const bodyOf = (event: APIGatewayProxyEventV2): unknown => {
  const body = rawBody(event)
  if (body.length === 0) return {}
  if (body.length > maxBodyBytes) throw new Problem('payload_too_large', 'A body has at most 256 KB.')
  const mediaType = event.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json') {
    throw new Problem('unsupported_media_type', 'Send the body as Content-Type: application/json.')
  }
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw new Problem('invalid_json', 'The body is not valid JSON.', { cause })
  }
}

/** Read from the raw query, because the gateway joins repeated parameters; a repeated one is an error, not a list. */
const queryOf = (event: APIGatewayProxyEventV2): Record<string, string> => {
  const query: [string, string][] = [...new URLSearchParams(event.rawQueryString)]
  const repeated = query.find(([name], index) => query.findIndex(([other]) => other === name) !== index)
  if (repeated) {
    const errors = [{ path: repeated[0], message: 'Given more than once' }]
    throw new Problem('validation_failed', `${repeated[0]}: given more than once.`, { errors })
  }
  return Object.fromEntries(query)
}

const bearer = (event: APIGatewayProxyEventV2): string => {
  const [, token] = /^Bearer +(\S+) *$/i.exec(event.headers.authorization ?? '') ?? []
  if (!token) throw new Problem('unauthorized', 'Send the header Authorization: Bearer <token>.')
  return token
}

/** What a check says of the token of a request. One that it refuses is counted and put on record. */
const checked = async <Result>(
  deps: HttpDeps,
  event: APIGatewayProxyEventV2,
  check: (token: string) => Promise<Result>,
): Promise<Result> => {
  const token = bearer(event)
  try {
    return await check(token)
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error
    const { http, requestId } = event.requestContext
    throw await answerToRefused(deps, error, { address: http.sourceIp, route: event.routeKey, requestId })
  }
}

const identify = async (deps: HttpDeps, event: APIGatewayProxyEventV2, isSend: boolean): Promise<Caller> => {
  const caller = await checked(deps, event, token => deps.tokens.verify(token))
  await deps.limits.countRequest(caller.id, { isSend })
  await ensureUser(deps, caller)
  return caller
}

/** A route for callers with a token. What is not in a schema is refused, so a typo shows. */
export const route = <Params = Empty, Query = Empty, Body = Empty>(
  input: RouteInput<Params, Query, Body>,
  handle: (request: RouteRequest<Params, Query, Body>) => Promise<HttpAnswer>,
): Route => ({
  access: 'token',
  request: input,
  isSend: input.isSend ?? false,
  answer: async (event, caller) => {
    const params = parseInput(input.params ?? nothing, event.pathParameters ?? {}) as Params
    await input.permission?.(caller, params)
    return handle({
      caller,
      params,
      query: parseInput(input.query ?? nothing, queryOf(event)) as Query,
      body: parseInput(input.body ?? nothing, bodyOf(event)) as Body,
    })
  },
})

/** A route for the platform's own services. */
export const serviceRoute = <Body>(
  deps: HttpDeps & { serviceToken: ServiceToken },
  input: { body: z.ZodType<Body> },
  handle: (body: Body) => Promise<HttpAnswer>,
): Route => ({
  access: 'service',
  request: input,
  answer: async event => {
    await checked(deps, event, token => deps.serviceToken.require(token))
    return handle(parseInput(input.body, bodyOf(event)))
  },
})

/** A route that needs no token. */
export const publicRoute = (answer: PublicAnswering): Route => ({ access: 'public', request: {}, answer })

/** The ids of the path. In every path that has an `{id}`, it is that of a conversation. */
const targetOf = ({ pathParameters = {} }: APIGatewayProxyEventV2): Record<string, string> =>
  Object.fromEntries(
    Object.entries(pathParameters).map(([name, id = '']) => [
      name === 'id' ? 'conversationId' : name,
      id.toLowerCase(),
    ]),
  )

/** Answers, and puts on record when the caller asked for what is not theirs. */
const answerTo = async (
  { audit }: HttpDeps,
  event: APIGatewayProxyEventV2,
  caller: Caller,
  answer: Answering,
): Promise<HttpAnswer> => {
  try {
    return await withLogIds({ userId: caller.id }, () => answer(event, caller))
  } catch (error) {
    if (error instanceof Problem && error.isRefusal) {
      await audit.record({
        action: 'access.refused',
        userId: caller.id,
        businessId: caller.businessId,
        target: targetOf(event),
        outcome: 'refused',
        reason: error.code,
        route: event.routeKey,
        requestId: event.requestContext.requestId,
      })
    }
    throw error
  }
}

const resultOf = ({ status, body, headers }: HttpAnswer): APIGatewayProxyStructuredResultV2 => ({
  statusCode: status,
  headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
  body: body === undefined ? '' : JSON.stringify(body),
})

const problemResult = (problem: Problem, requestId: string): APIGatewayProxyStructuredResultV2 => {
  const { retryAfterSeconds, allow } = problem.options
  return resultOf({
    status: problem.status,
    body: problemDocument(problem, requestId),
    headers: {
      'content-type': 'application/problem+json',
      ...(problem.status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      ...(allow && { allow: allow.join(', ') }),
    },
  })
}

/**
 * The handler of an HTTP function: its routes by the gateway's route key, and `$default` for whatever has none. Every fault is
 * answered as a problem document; what is our own fault is told whole to the log. It carries its routes, from which the API is
 * described.
 */
export const http = (deps: HttpDeps, routes: Record<string, Route>) => {
  const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>({
    timeoutEarlyInMillis: answerBeforeTimeoutMs,
    timeoutEarlyResponse: () => {
      throw new Problem('timeout', 'The request took too long. Try again.', { retryAfterSeconds: 2 })
    },
  })
    .use(publishingMetrics)
    .onError(request => {
      const problem = asProblem(request.error)
      measureProblem(problem)
      if (problem.status >= 500) logger.error('A request failed', problem)
      request.response = problemResult(problem, request.event.requestContext.requestId)
    })
    .handler(async event => {
      const found = routes[event.routeKey]
      if (!found) throw new Error(`The gateway sends ${event.routeKey} here, which this function does not have`)
      return resultOf(
        found.access === 'token'
          ? await answerTo(deps, event, await identify(deps, event, found.isSend), found.answer)
          : await found.answer(event),
      )
    })
  return Object.assign(loggingIds(handler), { routes })
}
