import { type $ZodType, type output, safeParse } from 'zod/v4/core'

/**
 * Reads the variables of one schema from the environment. An empty variable counts as absent. Throws one error that names
 * every variable that is missing or wrong, never its value, which may be a secret.
 */
export const readConfig = <Schema extends $ZodType>(schema: Schema, environment = process.env): output<Schema> => {
  const present = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const result = safeParse(schema, present)
  if (result.success) return result.data
  const faults = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`The environment is not complete. ${faults.join('; ')}`)
}
