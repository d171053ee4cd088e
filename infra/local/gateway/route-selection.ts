import type { WebSocketRoute } from '../../topology.ts'

/**
 * Compiles a route table into a function from a message to its route, by the expression `$request.body.action`: the value
 * is turned into a string and compared exactly; what is not JSON, or names no route, goes to `$default`, and without one to
 * nothing. Routes of the gateway's own (`$connect` and the like) can't be named by a message.
 */
export const compileRouteSelection = (
  routes: readonly WebSocketRoute[],
): ((body: string) => WebSocketRoute | undefined) => {
  const byAction = new Map(routes.filter(({ key }) => !key.startsWith('$')).map(route => [route.key, route]))
  const defaultRoute = routes.find(({ key }) => key === '$default')
  return body => byAction.get(actionOf(body)) ?? defaultRoute
}

/** Empty when there is none. */
const actionOf = (body: string): string => {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return ''
  }
  if (typeof parsed !== 'object' || parsed === null || !('action' in parsed)) return ''
  const { action } = parsed
  return typeof action === 'object' ? '' : String(action)
}
