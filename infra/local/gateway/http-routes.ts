import type { HttpRoute } from '../../topology.ts'

export interface RouteMatch {
  /** `GET /conversations/{id}`, or `$default`. */
  readonly routeKey: string
  readonly function: string
  readonly pathParameters?: Record<string, string>
}

interface Node {
  readonly children: Map<string, Node>
  parameter?: Node
  readonly routes: Map<string, { readonly route: HttpRoute; readonly names: readonly string[] }>
}

const newNode = (): Node => ({ children: new Map(), routes: new Map() })

/**
 * Compiles a route table into a function from a method and a decoded path to its route: literal segments win over
 * `{parameters}`, what nothing matches (another method included) goes to `$default`, and without one to nothing. `ANY` and
 * `{greedy+}` are not supported; the latter throws.
 */
export const compileRoutes = (
  routes: readonly HttpRoute[],
  defaultFunction: string | undefined,
): ((method: string, path: string) => RouteMatch | undefined) => {
  const root = newNode()
  for (const route of routes) {
    const names: string[] = []
    let node = root
    for (const segment of segmentsOf(route.path)) {
      if (segment.endsWith('+}')) throw new Error(`The local gateway has no greedy parameters: ${route.path}`)
      if (segment.startsWith('{') && segment.endsWith('}')) {
        names.push(segment.slice(1, -1))
        node.parameter ??= newNode()
        node = node.parameter
      } else {
        const child: Node = node.children.get(segment) ?? newNode()
        node.children.set(segment, child)
        node = child
      }
    }
    node.routes.set(route.method, { route, names })
  }

  return (method, path) => {
    const values: string[] = []
    const found = find(root, segmentsOf(path), 0, method, values)
    if (!found) return defaultFunction === undefined ? undefined : { routeKey: '$default', function: defaultFunction }
    const match = { routeKey: `${method} ${found.route.path}`, function: found.route.function }
    if (found.names.length === 0) return match
    return {
      ...match,
      pathParameters: Object.fromEntries(found.names.map((name, index) => [name, values[index] ?? ''])),
    }
  }
}

const segmentsOf = (path: string): string[] => path.slice(1).split('/')

const find = (
  node: Node,
  segments: readonly string[],
  index: number,
  method: string,
  values: string[],
): { route: HttpRoute; names: readonly string[] } | undefined => {
  const segment = segments[index]
  if (segment === undefined) return node.routes.get(method)
  const child = node.children.get(segment)
  const literal = child && find(child, segments, index + 1, method, values)
  if (literal || !node.parameter || segment === '') return literal
  values.push(segment)
  const found = find(node.parameter, segments, index + 1, method, values)
  if (!found) values.pop()
  return found
}
