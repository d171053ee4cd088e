import { Ajv, type AnySchema } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { asyncApiDocument } from '../../infra/documents/asyncapi.ts'
import { openApiDocument } from '../../infra/documents/openapi.ts'
import { problemsOfBodies } from '../../shared/api/http-api.ts'

/** As far as it is read here. */
interface OpenApi {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { examples?: object }> }> }>
  >
}

interface AsyncApi {
  operations: Record<string, { 'x-problem-codes'?: string[] }>
  components: { messages: Record<string, unknown> }
}

/** A copy in which no object may have a field that the document does not name. */
const withNamedFieldsOnly = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withNamedFieldsOnly)
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withNamedFieldsOnly(each)]))
  return 'properties' in copy && copy.type === 'object' ? { additionalProperties: false, ...copy } : copy
}

/** One segment of a JSON pointer in a URI. */
const escaped = (segment: string): string => encodeURIComponent(segment.replaceAll('~', '~0').replaceAll('/', '~1'))

const openApi = (await openApiDocument()) as unknown as OpenApi
const openApiSchemas = addFormats.default(new Ajv2020({ strict: false, allErrors: true }))
openApiSchemas.addSchema(withNamedFieldsOnly(openApi) as AnySchema, 'openapi')

const asyncApi = (await asyncApiDocument()) as unknown as AsyncApi
const asyncApiSchemas = addFormats.default(new Ajv({ strict: false, allErrors: true }))
asyncApiSchemas.addSchema(withNamedFieldsOnly(asyncApi) as AnySchema, 'asyncapi')

const check = (schemas: Ajv, place: string, what: string, value: unknown): void => {
  const validate = schemas.getSchema(place)
  if (!validate) throw new Error(`${what} is not documented`)
  if (!validate(value)) {
    throw new Error(`${what} is not as documented: ${schemas.errorsText(validate.errors)}\n${JSON.stringify(value)}`)
  }
}

/** What no route matches is answered with one of these. */
const codesOfUnknownPaths = ['not_found', 'method_not_allowed']

/** Throws unless an answer of a route (or of `$default`) is one that the OpenAPI document has, to the last field. */
export const checkAnswer = (
  routeKey: string,
  { status, contentType, body }: { status: number; contentType: string | undefined; body: unknown },
): void => {
  const what = `The answer ${status} to ${routeKey}`
  const code = contentType === 'application/problem+json' ? String((body as { code: unknown }).code) : undefined
  if (code !== undefined) check(openApiSchemas, 'openapi#/components/schemas/ProblemDocument', what, body)
  if (routeKey === '$default') {
    if (!codesOfUnknownPaths.includes(code ?? '')) throw new Error(`${what} is not documented: ${code}`)
    return
  }
  // Every route refuses a bad body; those that take one say so.
  if (problemsOfBodies.some(each => each === code)) return
  const [method = '', path = ''] = routeKey.split(' ')
  const response = openApi.paths[path]?.[method.toLowerCase()]?.responses[status]
  if (!response) throw new Error(`${what} is not documented: ${code ?? ''}`)
  if (code !== undefined) {
    const codes = Object.keys(response.content?.['application/problem+json']?.examples ?? {})
    if (!codes.includes(code)) throw new Error(`${what} is not documented with the code ${code}`)
  } else if (response.content || body !== undefined) {
    const segments = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', String(contentType)]
    check(openApiSchemas, `openapi#/${[...segments, 'schema'].map(escaped).join('/')}`, what, body)
  }
}

const checkFrame = (message: string, frame: unknown): void =>
  check(asyncApiSchemas, `asyncapi#/components/messages/${escaped(message)}/payload`, `The frame ${message}`, frame)

/** Throws unless a frame that was not asked for is an event that the AsyncAPI document has, or an error. */
export const checkEvent = (frame: { event?: string }): void =>
  checkFrame(frame.event === 'error' ? 'error' : `event.${frame.event}`, frame)

/** Throws unless a frame is an answer to this action that the AsyncAPI document has. */
export const checkAck = (action: string, frame: { event?: string; error?: { code: string } }): void => {
  checkFrame(frame.event === 'ack' ? `ack.${action}` : 'error', frame)
  const codes = asyncApi.operations[`action.${action}`]?.['x-problem-codes']
  if (frame.error && codes && !codes.includes(frame.error.code)) {
    throw new Error(`The answer to ${action} is not documented with the code ${frame.error.code}`)
  }
}

/** Throws unless a value is what the API documents call by this name: a message of the AsyncAPI one, or a schema of the OpenAPI one. */
export const checkNamed = (name: string, value: unknown): void => {
  if (name in asyncApi.components.messages) checkFrame(name, value)
  else check(openApiSchemas, `openapi#/components/schemas/${escaped(name)}`, name, value)
}
