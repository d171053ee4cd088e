import type * as z from 'zod'
import type { ProblemCode } from '../platform/problems.ts'

/** The fields of a value; of a union those of all its parts. */
type FieldsOf<Value> = Value extends object ? keyof Value & string : never

export interface SchemaDescription<Schema extends z.ZodType = z.ZodType> {
  /** What the API documents call it: unique. */
  readonly name: string
  readonly schema: Schema
  readonly about: string
  /** A text for each field. */
  readonly fields: Readonly<Record<FieldsOf<z.input<Schema>>, string>>
  /** As it goes over the wire. */
  readonly example: z.input<Schema>
}

/**
 * Says what a schema means, as `describeSchema({ Message }, …)`: the name is that of the constant. The texts stand here and not in
 * the schema because a schema is part of every function's bundle, and these are not.
 */
export const describeSchema = <Schema extends z.ZodType>(
  named: Readonly<Record<string, Schema>>,
  description: Omit<SchemaDescription<Schema>, 'name' | 'schema'>,
): SchemaDescription<Schema> => {
  const [[name, schema] = []] = Object.entries(named)
  if (!name || !schema) throw new Error('A schema is described by its name, as { Message }')
  return { name, schema, ...description }
}

export interface AnswerDescription {
  /** When this answer comes. */
  when: string
  /** A described schema; nothing: no body. */
  body?: z.ZodType
}

/** A route, beside what its function says itself: parameters, query, body and who may call it. */
export interface RouteDescription {
  /** What generated clients call it: unique. */
  id: string
  summary: string
  about: string
  answers: Readonly<Partial<Record<200 | 201 | 204 | 503, AnswerDescription>>>
  /** Beside those that every route has. */
  problems?: readonly ProblemCode[]
}

/** What belongs together in the documents: a resource of the HTTP API, with the schemas of its requests and answers. */
export interface ResourceDescription {
  name: string
  about: string
  /** By the gateway's route key. */
  routes: Readonly<Record<`${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`, RouteDescription>>
  schemas: readonly SchemaDescription[]
}

/** An action of the socket, beside what its function says itself: its data. */
export interface ActionDescription {
  summary: string
  about: string
  /** The data of the ack, a described schema; null: there is no answer ever. */
  ack: z.ZodType | null
  /** Beside those that every action has. */
  problems?: readonly ProblemCode[]
}

export interface EventDescription {
  summary: string
  about: string
}
