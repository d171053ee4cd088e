import { Parser } from '@asyncapi/parser'
import { describe, expect, test } from '@jest/globals'
import { type RulesetDefinition, Spectral } from '@stoplight/spectral-core'
import { oas } from '@stoplight/spectral-rulesets'
import { asyncApiDocument } from '../../infra/documents/asyncapi.ts'
import { openApiDocument } from '../../infra/documents/openapi.ts'
import { servedActions } from '../../infra/documents/served.ts'
import { topology } from '../../infra/topology.ts'
import { resources } from '../../shared/api/http-api.ts'
import { socketSchemas } from '../../shared/api/socket.ts'
import { serverEvents } from '../../shared/delivery/events.ts'
import { problemCatalogue } from '../../shared/platform/problems.ts'
import { checkNamed } from '../support/documented.ts'

interface Schema {
  description?: string
  properties?: Record<string, Schema>
  anyOf?: Schema[]
  items?: Schema
  additionalProperties?: Schema | boolean
  enum?: string[]
}

interface Content {
  schema: { $ref: string }
  example?: unknown
  examples?: Record<string, unknown>
}

interface Described {
  description: string
}

interface Operation {
  parameters: { name: string; description?: string }[]
  requestBody?: { content: Record<string, Content> }
  responses: Record<string, { content?: Record<string, Content> }>
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

interface AsyncApi {
  channels: { socket: { bindings: { ws: { query: { required: string[]; properties: Record<string, Described> } } } } }
  operations: Record<string, { action: string; title: string; 'x-problem-codes'?: string[] }>
  components: { messages: Record<string, { examples: { payload: unknown }[] }>; schemas: Record<string, Schema> }
}

const openApi = (await openApiDocument()) as unknown as OpenApi
const asyncApi = (await asyncApiDocument()) as unknown as AsyncApi

const operations = Object.entries(openApi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ key: `${method.toUpperCase()} ${path}`, operation })),
)
const contents = operations.flatMap(({ key, operation: { requestBody, responses } }) => [
  ...Object.values(requestBody?.content ?? {}).map(content => ({ key: `${key}, its body`, content })),
  ...Object.entries(responses).flatMap(([status, response]) =>
    Object.values(response.content ?? {}).map(content => ({ key: `${key}, ${status}`, content })),
  ),
])
const titlesOf = (action: string) =>
  Object.values(asyncApi.operations)
    .filter(operation => operation.action === action)
    .map(({ title }) => title)

const undescribedIn = (name: string, schema: Schema): string[] => [
  ...[...(schema.anyOf ?? []), schema.items, schema.additionalProperties].flatMap(part =>
    typeof part === 'object' ? undescribedIn(name, part) : [],
  ),
  ...Object.entries(schema.properties ?? {}).flatMap(([field, property]) => [
    ...(property.description ? [] : [`${name}.${field}`]),
    ...undescribedIn(`${name}.${field}`, property),
  ]),
]

/** What `docs/contributing.md` explains. */
describe('the API documents describe', () => {
  test('every route of the topology, and no other (shared/api/)', () => {
    const routes = topology.httpRoutes.map(({ method, path }) => `${method} ${path}`)
    expect(operations.map(({ key }) => key).sort()).toEqual(routes.toSorted())
    expect(resources.flatMap(resource => Object.keys(resource.routes)).sort()).toEqual(routes.toSorted())
  })

  test('every action, and no other (shared/api/socket.ts)', async () => {
    const ownRoutes = topology.webSocketRoutes.map(({ key }) => key).filter(key => !key.startsWith('$'))
    expect(titlesOf('receive').sort()).toEqual([...(await servedActions()).keys(), ...ownRoutes].sort())
  })

  test('every event, and no other', () => {
    expect(titlesOf('send').sort()).toEqual(Object.keys(serverEvents).sort())
  })

  test('every problem code, and where it comes', () => {
    const codes = Object.keys(problemCatalogue)
    for (const { components } of [openApi, asyncApi]) {
      expect(components.schemas.ProblemDocument?.properties?.code?.enum).toEqual(codes)
    }
    const answered = [
      // The answer to a method that no route has.
      'method_not_allowed',
      ...contents.flatMap(({ content }) => Object.keys(content.examples ?? {})),
      ...Object.values(asyncApi.operations).flatMap(operation => operation['x-problem-codes'] ?? []),
    ]
    expect(codes.filter(code => !answered.includes(code))).toEqual([])
  })

  test('every parameter, and every field of every schema (describeSchema)', () => {
    const parameters = operations.flatMap(({ key, operation }) =>
      operation.parameters.filter(({ description }) => !description).map(({ name }) => `${key}: ${name}`),
    )
    const fields = [openApi, asyncApi].flatMap(({ components }) =>
      Object.entries(components.schemas).flatMap(([name, schema]) => undescribedIn(name, schema)),
    )
    expect([...parameters, ...fields]).toEqual([])
  })

  test('every body, answer and frame by an example', () => {
    const without = contents.filter(
      ({ content }) => content.example === undefined && Object.keys(content.examples ?? {}).length === 0,
    )
    expect(without.map(({ key }) => key)).toEqual([])
    for (const message of Object.values(asyncApi.components.messages)) expect(message.examples).toHaveLength(1)
  })

  test('every example as it would be, to the last field', () => {
    for (const { content } of contents) {
      const { schema, example } = content
      if (example !== undefined) checkNamed(schema.$ref.replace(/.*\//, ''), example)
    }
    for (const [name, { examples }] of Object.entries(asyncApi.components.messages)) {
      for (const { payload } of examples) checkNamed(name, payload)
    }
  })

  test('each schema once, under a name of its own', () => {
    const described = [...resources.flatMap(({ schemas }) => schemas), ...socketSchemas]
    expect(new Set(described.map(({ name }) => name)).size).toBe(described.length)
    expect(new Set(described.map(({ schema }) => schema)).size).toBe(described.length)
  })
})

test('the AsyncAPI document says what a handshake takes: a ticket, or a token, and whether to replay', () => {
  const { required, properties } = asyncApi.channels.socket.bindings.ws.query
  expect(required).toEqual(['token'])
  expect(Object.keys(properties)).toEqual(['token', 'replay'])
  expect(properties.token?.description).toMatch(/ticket from `POST \/realtime\/ticket`.* or a JWT/)
})

describe('the linters of the ecosystem find nothing wrong with', () => {
  test('the OpenAPI document', async () => {
    const spectral = new Spectral()
    spectral.setRuleset(oas as unknown as RulesetDefinition)
    const found = await spectral.run(openApi as unknown as Record<string, unknown>)
    expect(found.map(({ code, path, message }) => ({ code, path: path.join('.'), message }))).toEqual([])
  }, 60_000)

  test('the AsyncAPI document', async () => {
    const found = await new Parser().validate(JSON.stringify(asyncApi))
    // The contract names version 3.0, the linter would have us take the newest one.
    const faults = found.filter(({ code }) => code !== 'asyncapi-latest-version')
    expect(faults.map(({ code, path, message }) => ({ code, path: path.join('.'), message }))).toEqual([])
  }, 60_000)
})
