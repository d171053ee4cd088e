import { Problem } from '../platform/problems.ts'

interface KnownRoute {
  method: string
  /** API Gateway's syntax, `{name}` for a parameter. */
  path: string
}

const matches = (pattern: string, path: string): boolean => {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith('{') ? given[index] !== '' : part === given[index]))
  )
}

/** Answers what no route matches: `method_not_allowed` where the path has other methods, else `not_found`. Always throws. */
export const refuseUnknown = (routes: readonly KnownRoute[], request: { method: string; path: string }): never => {
  const allow = routes.filter(route => matches(route.path, request.path)).map(route => route.method)
  if (allow.length === 0) throw new Problem('not_found', 'There is no such path.')
  throw new Problem('method_not_allowed', `This path has ${allow.join(', ')}.`, { allow })
}
