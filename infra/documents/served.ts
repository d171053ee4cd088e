import type { Route } from '../../shared/transport/http.ts'
import type { Action } from '../../shared/transport/websocket.ts'
import { topology } from '../topology.ts'

const handlerOf = async (name: string): Promise<unknown> => {
  const { entry } = topology.functions[name as keyof typeof topology.functions]
  const { handler } = await import(`../../${entry}`)
  return handler
}

/** Every route of the topology as its function has it, by its route key. A function that lacks one of its routes rejects it. */
export const servedRoutes = async (): Promise<Map<string, Route>> => {
  const served = await Promise.all(
    topology.httpRoutes.map(async ({ method, path, function: name }) => {
      const key = `${method} ${path}`
      const { routes } = (await handlerOf(name)) as { routes: Record<string, Route> }
      const route = routes[key]
      if (!route) throw new Error(`${name} does not have ${key}`)
      return [key, route] as const
    }),
  )
  return new Map(served)
}

/** Every action that has no route of its own, by its name. */
export const servedActions = async (): Promise<Map<string, Action>> => {
  const route = topology.webSocketRoutes.find(({ key }) => key === '$default')
  if (!route) throw new Error('No function takes the frames that have no route of their own')
  const { actions } = (await handlerOf(route.function)) as { actions: Record<string, Action> }
  return new Map(Object.entries(actions))
}
