import type { AnswerDescription, RouteDescription } from '../../shared/api/description.ts'
import {
  pathParameters,
  problemsOfBodies,
  problemsOfEveryRoute,
  problemsOfServices,
  problemsOfTokens,
} from '../../shared/api/http-api.ts'
import { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { type ProblemCode, problemCatalogue } from '../../shared/platform/problems.ts'
import type { Route } from '../../shared/transport/http.ts'
import type { JsonSchema, JsonSchemas } from './json-schemas.ts'
import { explainProblem, problemCodes } from './problems.ts'

/** Null: as every other route. */
const security: Record<Route['access'], Record<string, string[]>[] | null> = {
  token: null,
  service: [{ serviceToken: [] }],
  public: [],
}

const parametersIn = (schemas: JsonSchemas, place: 'path' | 'query', { request }: Route): object[] => {
  const schema = place === 'path' ? request.params : request.query
  if (!schema) return []
  // All that is sent is text: what it stands for says more.
  const { properties = {} } = schemas.inline(schema, 'output')
  const { required = [] } = schemas.inline(schema, 'input')
  const example = schema.safeParse(schemas.descriptionOf(schema)?.example).data as Record<string, unknown> | undefined
  return Object.entries(properties).map(([name, property]) => {
    const { description = pathParameters[name], ...type } = property as JsonSchema
    return {
      name,
      in: place,
      description,
      required: place === 'path' || required.includes(name),
      schema: type,
      ...(type.type === 'array' && { style: 'form', explode: false }),
      ...(example?.[name] !== undefined && { example: example[name] }),
    }
  })
}

const bodyOf = (schemas: JsonSchemas, { request: { body } }: Route): object => {
  if (!body) return {}
  const media = { schema: schemas.refer(body, 'input'), example: schemas.descriptionOf(body)?.example }
  return { requestBody: { required: !body.safeParse({}).success, content: { 'application/json': media } } }
}

const answerContent = (schemas: JsonSchemas, { body }: AnswerDescription): object =>
  body
    ? { 'application/json': { schema: schemas.refer(body, 'output'), example: schemas.descriptionOf(body)?.example } }
    : {}

const headersOf = (status: number): object => {
  const text = { type: 'string' }
  if (status === 401) return { headers: { 'WWW-Authenticate': { description: '`Bearer`.', schema: text } } }
  if (status !== 429 && status !== 503) return {}
  return { headers: { 'Retry-After': { description: 'In seconds.', schema: { type: 'integer', minimum: 1 } } } }
}

const problemContent = (schemas: JsonSchemas, codes: readonly ProblemCode[]): object => ({
  'application/problem+json': {
    schema: schemas.refer(ProblemDocument, 'output'),
    examples: Object.fromEntries(codes.map(code => [code, { $ref: `#/components/examples/${code}` }])),
  },
})

const problemsOfAccess: Record<Route['access'], readonly ProblemCode[]> = {
  token: problemsOfTokens,
  service: problemsOfServices,
  public: [],
}

/** The problems that a route can answer with, in the order of the catalogue. */
export const problemsOf = ({ access, request }: Route, { problems = [] }: RouteDescription): ProblemCode[] => {
  const codes = new Set([
    ...problemsOfEveryRoute,
    ...problemsOfAccess[access],
    ...(request.body ? problemsOfBodies : []),
    ...problems,
  ])
  return problemCodes.filter(code => codes.has(code))
}

/** One operation of the OpenAPI document. */
export const operationOf = (
  schemas: JsonSchemas,
  { tag, route, description }: { tag: string; route: Route; description: RouteDescription },
): object => {
  const problems = Map.groupBy(problemsOf(route, description), (code): number => problemCatalogue[code].status)
  const answers = new Map<number, AnswerDescription>(
    Object.entries(description.answers).map(([status, answer]) => [Number(status), answer]),
  )
  const statuses = [...new Set([...answers.keys(), ...problems.keys()])].sort((a, b) => a - b)
  const responseOf = (status: number): object => {
    const answer = answers.get(status)
    const codes = problems.get(status)
    return {
      description: [answer?.when, ...(codes ?? []).map(explainProblem)].filter(Boolean).join('\n\n'),
      ...headersOf(status),
      ...((answer?.body || codes) && {
        content: { ...(answer && answerContent(schemas, answer)), ...(codes && problemContent(schemas, codes)) },
      }),
    }
  }
  return {
    operationId: description.id,
    tags: [tag],
    summary: description.summary,
    description: description.about,
    ...(security[route.access] && { security: security[route.access] }),
    parameters: [...parametersIn(schemas, 'path', route), ...parametersIn(schemas, 'query', route)],
    ...bodyOf(schemas, route),
    responses: Object.fromEntries(statuses.map(status => [status, responseOf(status)])),
  }
}
