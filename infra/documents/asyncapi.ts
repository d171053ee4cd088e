import type { ActionDescription } from '../../shared/api/description.ts'
import { resources } from '../../shared/api/http-api.ts'
import { actions, events, problemsOfActions, socketSchemas } from '../../shared/api/socket.ts'
import type { ApiDocuments } from '../../shared/platform/api-documents.ts'
import { type ProblemCode, problemCatalogue } from '../../shared/platform/problems.ts'
import { messagesOf } from './frames.ts'
import { componentsUsedBy, createJsonSchemas } from './json-schemas.ts'
import { problemCodes, problemTable } from './problems.ts'
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
- 600 messages a minute for each user, and 1,200 requests, frames and handshakes, by default: what is past that gets the error
  \`rate_limited\`, which says when to go on. A socket that goes on past twice as many is closed (1000).
- Acknowledge delivered and read positions at most once a second.

## Opening and closing

Get a ticket by \`POST /realtime/ticket\` and open the \`url\` that comes with it; a JWT as \`token\` does as well. The handshake is refused
with 401 without either, with a bad one, or with a ticket that was used before or is older than 30 seconds, 429 when there are too many
of this user or of all, and 5xx when it may succeed later.
When the token's \`exp\` has passed, the next frame gets the error \`token_expired\` and the socket is closed (1000); a silent socket is
closed by the sweep. But for this and for \`rate_limited\`, to a user who does not heed it, no error closes a socket.

| close code | when |
| --- | --- |
| 1000 | the server closed it: the token has expired, or the user goes on past their limit; the error before it says which |
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

const channel = { $ref: '#/channels/socket' }
const messageAt = (key: string) => ({ $ref: `#/channels/socket/messages/${key}` })

const codesOf = ({ ack, problems = [] }: ActionDescription): readonly ProblemCode[] =>
  // What is never answered still learns that the connection is to end.
  ack
    ? problemCodes.filter(code => problemsOfActions.includes(code) || problems.includes(code))
    : ['token_expired', 'rate_limited']

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
    token: {
      type: 'string',
      description:
        'A ticket from `POST /realtime/ticket`, which is of use once and for 30 seconds, or a JWT of the platform. With a ticket the JWT stays out of URLs, and so out of logs.',
    },
    replay: { type: 'string', const: 'none', description: 'No replay follows: the client resumes by `sync`.' },
  },
}

/** The AsyncAPI document: data of actions is what the function's schemas say, the rest is what `shared/api` says. */
export const asyncApiDocument: ApiDocuments['asyncApi'] = async () => {
  const descriptions = [...resources.flatMap(resource => resource.schemas), ...socketSchemas]
  const schemas = createJsonSchemas(descriptions, 'draft-07')
  const messages = messagesOf(schemas, await servedActions())
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
        token: {
          type: 'httpApiKey',
          in: 'query',
          name: 'token',
          description: 'The ticket or the JWT of the handshake.',
        },
      },
    },
  }
}
