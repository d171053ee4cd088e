import type * as z from 'zod'

/**
 * Reads the variables of one schema from the environment. An empty variable counts as absent. Throws one error that names
 * every variable that is missing or wrong, never its value, which may be a secret.
 */
export const readConfig = <Schema extends z.ZodType>(schema: Schema, environment = process.env): z.output<Schema> => {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const result = schema.safeParse(present)
  if (result.success) return result.data
  const faults = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`The environment is not complete. ${faults.join('; ')}`)
}
