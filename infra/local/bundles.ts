import { join } from 'node:path'
import { context, type Plugin } from 'esbuild'
import { bundleFunction, bundleOptions } from '../bundle.ts'
import type { Topology } from '../topology.ts'

const fileOf = (folder: string, name: string): string => join(folder, name, 'index.mjs')

/** Bundles every function as for AWS; returns where each bundle is. */
export const bundleAll = async ({ functions }: Topology, folder: string): Promise<Map<string, string>> => {
  const names = Object.entries(functions)
  await Promise.all(names.map(([name, definition]) => bundleFunction(name, definition, folder)))
  return new Map(names.map(([name]) => [name, fileOf(folder, name)]))
}

/** Bundles a function again whenever one of its files changes. `rebuilt` hears of each bundle that is good; esbuild shows the rest. */
export const watchAll = async (
  { functions }: Topology,
  folder: string,
  rebuilt: (name: string, bundlePath: string) => void,
): Promise<{ stop(): Promise<void> }> => {
  const contexts = await Promise.all(
    Object.entries(functions).map(async ([name, definition]) => {
      const bundlePath = fileOf(folder, name)
      let first = true
      const announce: Plugin = {
        name: 'announce',
        setup: build =>
          build.onEnd(({ errors }) => {
            if (!first && errors.length === 0) rebuilt(name, bundlePath)
            first = false
          }),
      }
      const watched = await context({ ...bundleOptions(definition, bundlePath), plugins: [announce] })
      await watched.watch()
      return watched
    }),
  )
  return {
    stop: async () => {
      await Promise.all(contexts.map(watched => watched.dispose()))
    },
  }
}
