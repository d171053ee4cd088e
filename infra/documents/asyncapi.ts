import type * as z from 'zod'
import type { ActionDescription } from '../../shared/api/description.ts'
import { resources } from '../../shared/api/http-api.ts'
import { actions, events, problemsOfActions, socketSchemas } from '../../shared/api/socket.ts'
import { serverEvents } from '../../shared/delivery/events.ts'
import type { ApiDocuments } from '../../shared/platform/api-documents.ts'
import { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { type ProblemCode, problemCatalogue } from '../../shared/platform/problems.ts'
import { NoData, RequestId } from '../../shared/transport/frames.schema.ts'
import { componentsUsedBy, createJsonSchemas, type JsonSchema, type JsonSchemas } from './json-schemas.ts'
import { exampleProblem, problemCodes, problemTable } from './problems.ts'
import { releaseInfo } from './release.ts'
import { servedActions } from './served.ts'

const introduction = `The messaging service of the Kaha platform over a WebSocket; \`/openapi.json\` describes the rest. \`docs/protocol.md\` says what a client must do.

## Frames

Every frame is a JSON object in a text frame. A client sends \`{ action, requestId?, data }\`. The direct answer has the same
\`requestId\`: \`{ event: "ack", requestId, data }\`, or \`{ event: "error", requestId, error }\` with a problem document. Without a
\`requestId\` there is no ack, at most an empty frame, which a client ignores; errors still come. What the server says by itself is
\`{ event, data, at }\`. Ignore fields, events and message types that you do not know: more may come.

## Limits

- A frame of a client has at most 32 KB; the gateway closes the socket for a larger one (1009), and for a binary one (1003).
- A connection lasts 2 hours, and 10 minutes without a frame in either direction (1001): connect anew ahead of that.
- One \`sync\` at a time for each socket, 10 a minute; up to 100 conversations in one frame.
- Acknowledge delivered and read positions at most once a second.

## Opening and closing

The handshake is refused with 401 without a token or with a bad one, 429 when there are too many, and 5xx when it may succeed later.
When the token's \`exp\` has passed, the next frame gets the error \`token_expired\` and the socket is closed (1000); a silent socket is
closed by the sweep. No other error closes a socket.

| close code | when |
| --- | --- |
| 1000 | the server closed it: the token has expired |
| 1001 | 10 minutes without a frame, or 2 hours |
| 1003 | a binary frame |
| 1005, 1006 | no reason was given, or the connection broke |
| 1008 | throttled |
| 1009 | a frame of more than 32 KB |
| 1011, 1012 | an error of the gateway, or its restart |

Reconnect with back-off and jitter on every one of them.

## Problems

Every frame can meet ${problemsOfActions.map(code => `\`${code}\``).join(', ')}.

${problemTable}`

const at = '2025-04-25T08:02:00.000Z'
const requestId = 'request-1'

interface Message {
  title: string
  summary: string
  payload: JsonSchema
  example: Record<string, unknown>
}

const message = (name: string, { title, summary, payload, example }: Message): object => ({
  name,
  title,
  summary,
  payload,
  examples: [{ name, payload: example }],
})

const frame = (required: readonly string[], properties: Record<string, JsonSchema>): JsonSchema => ({
  type: 'object',
  required: [...required],
  properties,
})

const text = (value: string): JsonSchema => ({ type: 'string', const: value })

const messagesOf = (schemas: JsonSchemas, dataOf: ReadonlyMap<string, z.ZodType>): Record<string, object> => {
  const exampleOf = (schema: z.ZodType): unknown => schemas.descriptionOf(schema)?.example
  const id = schemas.inline(RequestId, 'input')

  const asked = Object.entries(actions).map(([name, { summary, ack }]) => {
    const data = dataOf.get(name) ?? NoData
    const needsData = schemas.inline(data, 'input').required !== undefined
    const properties = { action: text(name), requestId: id, data: schemas.refer(data, 'input') }
    const payload = { ...frame(['action', ...(needsData ? ['data'] : [])], properties), additionalProperties: false }
    const example = { action: name, ...(ack && { requestId }), data: exampleOf(data) }
    return [`action.${name}`, message(name, { title: name, summary, payload, example })]
  })
  const acknowledged = Object.entries(actions).flatMap(([name, { ack }]) => {
    if (!ack) return []
    const properties = { event: text('ack'), requestId: id, data: schemas.refer(ack, 'output') }
    const payload = frame(['event', 'requestId', 'data'], properties)
    const example = { event: 'ack', requestId, data: exampleOf(ack) }
    return [
      [`ack.${name}`, message('ack', { title: `ack of ${name}`, summary: `It is done: ${name}`, payload, example })],
    ]
  })
  const told = Object.entries(events).map(([name, { summary }]) => {
    const data = serverEvents[name as keyof typeof serverEvents]
    const properties = {
      event: text(name),
      data: schemas.refer(data, 'output'),
      at: { type: 'string', format: 'date-time' } as const,
    }
    const example = { event: name, data: exampleOf(data), at }
    return [
      `event.${name}`,
      message(name, { title: name, summary, payload: frame(['event', 'data', 'at'], properties), example }),
    ]
  })
  const refused = message('error', {
    title: 'error',
    summary: 'The frame was refused, or its connection is about to end',
    payload: frame(['event', 'error'], {
      event: text('error'),
      requestId: id,
      error: schemas.refer(ProblemDocument, 'output'),
    }),
    example: { event: 'error', requestId, error: exampleProblem('validation_failed') },
  })
  return { ...Object.fromEntries([...asked, ...acknowledged, ...told]), error: refused }
}

const channel = { $ref: '#/channels/socket' }
const messageAt = (key: string) => ({ $ref: `#/channels/socket/messages/${key}` })

const codesOf = ({ ack, problems = [] }: ActionDescription): readonly ProblemCode[] =>
  // What is never answered still learns that the connection is to end.
  ack ? problemCodes.filter(code => problemsOfActions.includes(code) || problems.includes(code)) : ['token_expired']

const operations = (): Record<string, object> => {
  const received = Object.entries(actions).map(([name, description]) => {
    const { summary, about, ack, problems = [] } = description
    const own = problems.map(code => `\`${code}\` (${problemCatalogue[code].title})`).join(', ')
    const operation = {
      action: 'receive',
      channel,
      title: name,
      summary,
      description: own ? `${about}\n\nIt can meet ${own}.` : about,
      messages: [messageAt(`action.${name}`)],
      ...(ack && { reply: { channel, messages: [messageAt(`ack.${name}`), messageAt('error')] } }),
      'x-problem-codes': codesOf(description),
    }
    return [`action.${name}`, operation]
  })
  const sent = Object.entries(events).map(([name, { summary, about }]) => [
    `event.${name}`,
    { action: 'send', channel, title: name, summary, description: about, messages: [messageAt(`event.${name}`)] },
  ])
  return Object.fromEntries([...received, ...sent])
}

const servers = {
  aws: {
    host: '{api}.execute-api.{region}.amazonaws.com',
    pathname: '/v1',
    protocol: 'wss',
    description: '`WebSocketUrl` of the deployed stack.',
    variables: {
      api: { description: 'The id of the WebSocket API.' },
      region: { description: 'The region of the stack.' },
    },
    security: [{ $ref: '#/components/securitySchemes/token' }],
  },
  local: {
    host: '127.0.0.1:3001',
    protocol: 'ws',
    description: 'The local host, with the port in `WS_PORT`.',
    security: [{ $ref: '#/components/securitySchemes/token' }],
  },
}

const handshake = {
  type: 'object',
  required: ['token'],
  properties: {
    token: { type: 'string', description: 'A JWT of the platform.' },
    replay: { type: 'string', const: 'none', description: 'No replay follows: the client resumes by `sync`.' },
  },
}

/** The AsyncAPI document: data of actions is what the function's schemas say, the rest is what `shared/api` says. */
export const asyncApiDocument: ApiDocuments['asyncApi'] = async () => {
  const descriptions = [...resources.flatMap(resource => resource.schemas), ...socketSchemas]
  const schemas = createJsonSchemas(descriptions, 'draft-07')
  const served = await servedActions()
  const messages = messagesOf(schemas, new Map([...served].map(([name, { data }]) => [name, data])))
  return {
    asyncapi: '3.0.0',
    info: { ...releaseInfo(), description: introduction },
    defaultContentType: 'application/json',
    servers,
    channels: {
      socket: {
        address: '/',
        title: 'The socket',
        description: 'One WebSocket for everything that a user’s client says and hears.',
        messages: Object.fromEntries(Object.keys(messages).map(key => [key, { $ref: `#/components/messages/${key}` }])),
        bindings: { ws: { method: 'GET', query: handshake, bindingVersion: '0.1.0' } },
      },
    },
    operations: operations(),
    components: {
      messages,
      schemas: componentsUsedBy(messages, schemas.components),
      securitySchemes: {
        token: { type: 'httpApiKey', in: 'query', name: 'token', description: 'The token of the handshake.' },
      },
    },
  }
}
