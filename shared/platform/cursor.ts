import { createHash } from 'node:crypto'
import type * as z from 'zod'
import { Problem } from './problems.ts'

const checkOf = (scope: string, position: string): string =>
  createHash('sha256').update(`${scope}\n${position}`).digest('base64url').slice(0, 16)

/**
 * The end of a page as an opaque string. `scope` names the list it belongs to: whose it is, and its filters. What is in a
 * cursor gives no rights, so nothing is signed: the check only tells a cursor of another list, or a damaged one, apart.
 */
export const encodeCursor = (scope: string, position: readonly unknown[]): string => {
  const text = JSON.stringify(position)
  return Buffer.from(`${checkOf(scope, text)}${text}`).toString('base64url')
}

/** Anybody can make a cursor whose check is right, so what is behind it need not be JSON. */
const parsedJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The position in a cursor; throws `invalid_cursor` for one that was not made for this list. */
export const decodeCursor = <Schema extends z.ZodType>(
  scope: string,
  schema: Schema,
  cursor: string,
): z.output<Schema> => {
  const invalid = () => new Problem('invalid_cursor', 'The cursor is not one of this list. Start without one.')
  const text = Buffer.from(cursor, 'base64url').toString()
  const position = text.slice(16)
  if (text.slice(0, 16) !== checkOf(scope, position)) throw invalid()
  const parsed = schema.safeParse(parsedJson(position))
  if (!parsed.success) throw invalid()
  return parsed.data
}
