import * as z from 'zod'
import type { SchemaDescription } from '../../shared/api/description.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** Whether a schema stands for what a client sends, or for what it gets. */
export type Side = 'input' | 'output'

export interface JsonSchemas {
  /** A reference to a described schema. Throws for one that is not described. */
  refer(schema: z.ZodType, side: Side): { $ref: string }
  /** The schema itself, whole, with the texts of its fields where it is described. */
  inline(schema: z.ZodType, side: Side): JsonSchema
  /** How a schema is described, if it is. */
  descriptionOf(schema: z.ZodType): SchemaDescription | undefined
  /** Every described schema, by its name in the document. */
  readonly components: Readonly<Record<string, JsonSchema>>
}

const componentsAt = '#/components/schemas/'

/** Leaves out patterns that say no more than their `format` (those of UUIDv7 do), and bounds that every whole number has. */
const withoutNoise: z.core.ToJSONSchemaParams['override'] = ({ jsonSchema }) => {
  const isOfOneVersion = jsonSchema.pattern?.includes('-7[')
  if (jsonSchema.format !== undefined && !isOfOneVersion) delete jsonSchema.pattern
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

const referencesIn = (value: unknown): string[] => {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) =>
    key === '$ref' && typeof each === 'string' && each.startsWith(componentsAt)
      ? [each.slice(componentsAt.length)]
      : referencesIn(each),
  )
}

/** What differs between the two sides, by itself or by what it is made of. */
const differing = (inputs: Record<string, JsonSchema>, outputs: Record<string, JsonSchema>): ReadonlySet<string> => {
  const names = Object.keys(outputs)
  const found = new Set(names.filter(name => JSON.stringify(inputs[name]) !== JSON.stringify(outputs[name])))
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const name of names) if (referencesIn(outputs[name]).some(each => found.has(each))) found.add(name)
  }
  return found
}

/**
 * The described schemas as JSON Schema. Answers may have fields that are not named, because clients ignore those, and have what a
 * request may leave out: a schema of both for which that makes a difference is there twice, as `Hours` and `HoursOutput`.
 */
export const createJsonSchemas = (
  descriptions: readonly SchemaDescription[],
  target: 'draft-2020-12' | 'draft-07',
): JsonSchemas => {
  const bySchema = new Map(descriptions.map(description => [description.schema, description]))

  // Text that is cleaned is the only thing that answers hold in another form than requests: it is text again.
  const parameters = { target, override: withoutNoise, unrepresentable: () => ({ type: 'string' as const }) }

  /** Draft 7 does not look at what stands beside a reference. */
  const explain = (schema: JsonSchema, description: string | undefined): JsonSchema => ({
    ...(schema.$ref && target === 'draft-07' ? { allOf: [schema] } : schema),
    ...(description !== undefined && { description }),
  })

  const withTexts = (schema: JsonSchema, texts: Readonly<Record<string, string>>, side: Side): JsonSchema => {
    const { anyOf, properties, additionalProperties, $schema, $id, ...rest } = schema
    const isOpen = additionalProperties === undefined || (side === 'output' && additionalProperties === false)
    return {
      ...rest,
      ...(anyOf && { anyOf: anyOf.map(part => withTexts(part as JsonSchema, texts, side)) }),
      ...(properties && {
        properties: Object.fromEntries(
          Object.entries(properties).map(([name, each]) => [name, explain(each as JsonSchema, texts[name])]),
        ),
      }),
      ...(!isOpen && { additionalProperties }),
    }
  }

  const convertAll = (side: Side, nameOf: (name: string) => string): Record<string, JsonSchema> => {
    const registry = z.registry<{ id: string }>()
    for (const { name, schema } of descriptions) registry.add(schema, { id: nameOf(name) })
    const { schemas } = z.toJSONSchema(registry, { ...parameters, io: side, uri: name => `${componentsAt}${name}` })
    return Object.fromEntries(
      descriptions.map(({ name, about, fields }) => {
        const schema = withTexts(schemas[nameOf(name)] ?? {}, fields, side)
        return [nameOf(name), { description: about, ...schema }]
      }),
    )
  }
  const inputs = convertAll('input', name => name)
  const twofold = differing(
    inputs,
    convertAll('output', name => name),
  )
  const outputName = (name: string): string => (twofold.has(name) ? `${name}Output` : name)

  return {
    refer: (schema, side) => {
      const description = bySchema.get(schema)
      if (description)
        return { $ref: componentsAt + (side === 'output' ? outputName(description.name) : description.name) }
      const whole = z.toJSONSchema(schema, { ...parameters, io: side })
      throw new Error(`This schema is not described in shared/api: ${JSON.stringify(whole)}`)
    },
    inline: (schema, side) =>
      withTexts(
        z.toJSONSchema(schema, { ...parameters, io: side, metadata: z.registry() }),
        bySchema.get(schema)?.fields ?? {},
        side,
      ),
    descriptionOf: schema => bySchema.get(schema),
    components: { ...inputs, ...convertAll('output', outputName) },
  }
}

/** Those of the components that a document refers to, also by others of them, in the order of their names. */
export const componentsUsedBy = (
  document: unknown,
  components: Readonly<Record<string, JsonSchema>>,
): Record<string, JsonSchema> => {
  const used = new Set<string>()
  const visit = (part: unknown): void => {
    for (const name of referencesIn(part)) {
      if (used.has(name)) continue
      used.add(name)
      visit(components[name])
    }
  }
  visit(document)
  return Object.fromEntries([...used].sort().map(name => [name, components[name] ?? {}]))
}
