import type * as z from 'zod'

/** What was kept as JSON; undefined when there is nothing, or something else, such as what an older version of this code left. */
export const parseKept = <Schema extends z.ZodType>(
  schema: Schema,
  text: string | null | undefined,
): z.output<Schema> | undefined => {
  try {
    return schema.safeParse(JSON.parse(text ?? 'null')).data
  } catch {
    return undefined
  }
}
