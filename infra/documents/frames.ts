import type * as z from 'zod'
import { times } from '../../shared/api/examples.ts'
import { actions, events } from '../../shared/api/socket.ts'
import { serverEvents } from '../../shared/delivery/events.ts'
import { ProblemDocument } from '../../shared/platform/problem.schema.ts'
import { NoData, RequestId } from '../../shared/transport/frames.schema.ts'
import type { Action } from '../../shared/transport/websocket.ts'
import type { JsonSchema, JsonSchemas } from './json-schemas.ts'
import { exampleProblem } from './problems.ts'

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

/**
 * The messages of the AsyncAPI document: `action.…` from a client, `ack.…` and `error` in answer to it, `event.…` by the server itself.
 */
export const messagesOf = (schemas: JsonSchemas, served: ReadonlyMap<string, Action>): Record<string, object> => {
  const exampleOf = (schema: z.ZodType): unknown => schemas.descriptionOf(schema)?.example
  const id = schemas.inline(RequestId, 'input')

  const asked = Object.entries(actions).map(([name, { summary, ack }]) => {
    // What has a route of its own takes none.
    const data = served.get(name)?.data ?? NoData
    const needsData = !data.safeParse({}).success
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
    const example = { event: name, data: exampleOf(data), at: times.sent }
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
