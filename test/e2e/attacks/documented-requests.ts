import { asyncApiDocument } from '../../../infra/documents/asyncapi.ts'
import { openApiDocument } from '../../../infra/documents/openapi.ts'
import { topology } from '../../../infra/topology.ts'

/** A schema, as far as it is read here. */
interface Schema {
  readonly $ref?: string
  readonly format?: string
  readonly type?: string
  readonly items?: Schema
  readonly properties?: Record<string, Schema>
  readonly additionalProperties?: Schema | boolean
  readonly anyOf?: Schema[]
  readonly allOf?: Schema[]
}

interface Operation {
  readonly parameters: { in: 'path' | 'query'; name: string; schema: Schema }[]
  readonly requestBody?: { content: { 'application/json': { schema: Schema; example: Record<string, unknown> } } }
}

interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { schemas: Record<string, Schema> }
}

interface AsyncApi {
  readonly components: {
    schemas: Record<string, Schema>
    messages: Record<string, { payload: Schema; examples: { payload: { data: Record<string, unknown> } }[] }>
  }
}

/** Every id in a text. */
export const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The fields of a body that hold texts, as `initialMessage.id`: those of lists are named as the list, those of records `*`. */
const textsIn = (schemas: Record<string, Schema>, schema: Schema, path = ''): Map<string, Schema> => {
  const { $ref, properties = {}, items, additionalProperties, anyOf = [], allOf = [] } = schema
  const below = (name: string) => (path ? `${path}.${name}` : name)
  const parts: [string, Schema | undefined][] = [
    [path, $ref === undefined ? undefined : schemas[$ref.split('/').at(-1) ?? '']],
    [path, items],
    [below('*'), isObject(additionalProperties) ? additionalProperties : undefined],
    ...[...anyOf, ...allOf].map((part): [string, Schema] => [path, part]),
    ...Object.entries(properties).map(([name, property]): [string, Schema] => [below(name), property]),
  ]
  const texts = new Map<string, Schema>(schema.type === 'string' ? [[path, schema]] : [])
  for (const [where, part] of parts) {
    for (const [name, text] of part ? textsIn(schemas, part, where) : []) texts.set(name, text)
  }
  return texts
}

const namesOfIds = (texts: Map<string, Schema>): string[] =>
  [...texts].filter(([, { format }]) => format === 'uuid').map(([name]) => name)

export interface DocumentedRoute {
  /** `PUT /conversations/{id}/read` */
  readonly key: string
  readonly method: string
  readonly path: string
  /** Every text that it takes in its query and its body, by its name there. */
  readonly query: readonly string[]
  readonly bodyTexts: readonly string[]
  /** Those of them that are ids. */
  readonly ids: readonly string[]
  readonly example: Record<string, unknown> | undefined
}

export interface DocumentedAction {
  readonly name: string
  readonly texts: readonly string[]
  readonly ids: readonly string[]
  readonly example: Record<string, unknown>
}

const openApi = (await openApiDocument()) as unknown as OpenApi
const asyncApi = (await asyncApiDocument()) as unknown as AsyncApi

/** Every route of the topology with what the OpenAPI document says that it takes. Throws for one that is not there. */
export const documentedRoutes: readonly DocumentedRoute[] = topology.httpRoutes.map(({ method, path }) => {
  const operation = openApi.paths[path]?.[method.toLowerCase()]
  if (!operation) throw new Error(`${method} ${path} is not documented`)
  const media = operation.requestBody?.content['application/json']
  const query = operation.parameters.filter(parameter => parameter.in === 'query')
  const texts = media ? textsIn(openApi.components.schemas, media.schema) : new Map<string, Schema>()
  const idsOfQuery = query.flatMap(({ name, schema }) => namesOfIds(textsIn(openApi.components.schemas, schema, name)))
  return {
    key: `${method} ${path}`,
    method,
    path,
    query: query.map(({ name }) => name),
    bodyTexts: [...texts.keys()],
    ids: [...idsOfQuery, ...namesOfIds(texts)],
    example: media?.example,
  }
})

/** Every action that the AsyncAPI document has. */
export const documentedActions: readonly DocumentedAction[] = Object.entries(asyncApi.components.messages).flatMap(
  ([key, { payload, examples }]) => {
    const [, name] = /^action\.(.+)$/.exec(key) ?? []
    const data = payload.properties?.data
    if (!name || !data) return []
    const texts = textsIn(asyncApi.components.schemas, data)
    const [example] = examples
    return [{ name, texts: [...texts.keys()], ids: namesOfIds(texts), example: example?.payload.data ?? {} }]
  },
)
