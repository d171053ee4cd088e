/**
 * The dependencies of a handler, made from the environment: each one once, when it is first used. In a function's own
 * process all are made at import instead, so that a missing variable stops the start and no event pays for it.
 */
export const runtime = <Makers extends Record<string, () => unknown>>(
  makers: Makers,
): { readonly [Name in keyof Makers]: ReturnType<Makers[Name]> } => {
  const dependencies = {} as { [Name in keyof Makers]: ReturnType<Makers[Name]> }
  for (const name of Object.keys(makers) as (keyof Makers)[]) {
    let made: { value: unknown } | undefined
    Object.defineProperty(dependencies, name, {
      enumerable: true,
      get: () => {
        made ??= { value: makers[name]?.() }
        return made.value
      },
    })
    if (process.env.AWS_LAMBDA_FUNCTION_NAME) void dependencies[name]
  }
  return dependencies
}
