import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { repository } from '../../../infra/local/local-directory.ts'
import { topology } from '../../../infra/topology.ts'
import type { ServiceTarget } from './service-target.ts'
import { median } from './statistics.ts'
import type { Figures, Scenario } from './target.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('./cold-import.ts', import.meta.url))
const repetitions = 5

/** Milliseconds that a fresh process takes to import a module. */
const importTime = async (module: string, environment: Record<string, string>): Promise<number> => {
  const times: number[] = []
  for (let number = 0; number < repetitions; number += 1) {
    const { stdout } = await run(process.execPath, [program, module], {
      env: { PATH: process.env.PATH, ...environment },
      timeout: 30_000,
    })
    times.push(Number(stdout))
  }
  return median(times)
}

/** Where everything is, as far as an import looks: nothing is connected before the first event. */
const environmentOf = ({ stack }: ServiceTarget): Record<string, string> => {
  const queues = Object.keys(topology.queues).map(name => [
    `${name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}_QUEUE_URL`,
    'http://127.0.0.1:9/000000000000/queue',
  ])
  return {
    ...Object.fromEntries(queues),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    DATABASE_URL: stack.outputs.DatabaseUrl,
    REDIS_URL: stack.outputs.RedisUrl,
    WEBSOCKET_API_ENDPOINT: 'http://127.0.0.1:9',
    JWT_SECRET: 'a secret that only this import ever sees',
  }
}

/** How long each function's bundle takes to load in a fresh process, beside ioredis alone, and how large it is. */
export const coldStartScenario = (service: ServiceTarget): Scenario => ({
  name: 'cold start, import of each bundle',
  targets: ['service'],
  run: async () => {
    const environment = environmentOf(service)
    const ioredis = await importTime(join(repository, 'node_modules/ioredis/built/index.js'), {})
    const figures: Figures = { 'ioredis alone ms': ioredis }
    for (const name of Object.keys(topology.functions)) {
      const bundle = join(service.stack.directory.functions, name, 'index.mjs')
      const time = await importTime(bundle, environment)
      figures[`${name} ms`] = time
      figures[`${name} × ioredis`] = time / ioredis
      figures[`${name} KB`] = (await stat(bundle)).size / 1_000
    }
    return figures
  },
})
