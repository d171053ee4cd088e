import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { functionVariables } from '../../../infra/local/function-variables.ts'
import { repository } from '../../../infra/local/local-directory.ts'
import { type FunctionDefinition, topology } from '../../../infra/topology.ts'
import { testSecret, testServiceToken } from '../../support/tokens.ts'
import { firstEvents } from './first-events.ts'
import type { ServiceTarget } from './service-target.ts'
import { median } from './statistics.ts'
import type { Figures, Scenario } from './target.ts'

const run = promisify(execFile)
const program = fileURLToPath(new URL('./cold-import.ts', import.meta.url))
const repetitions = 5
const nowhere = 'http://127.0.0.1:9'

interface Cold {
  importMs: number
  /** About 0 without an event. */
  eventMs: number
}

/** What a fresh process takes to import a module, and its handler for an event: medians. */
const coldStart = async (module: string, environment: Record<string, string>, event?: object): Promise<Cold> => {
  const times: Cold[] = []
  for (let number = 0; number < repetitions; number += 1) {
    const { stdout } = await run(process.execPath, [program, module, ...(event ? [JSON.stringify(event)] : [])], {
      env: { PATH: process.env.PATH, ...environment },
      timeout: 30_000,
    })
    times.push(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''))
  }
  return {
    importMs: median(times.map(({ importMs }) => importMs)),
    eventMs: median(times.map(({ eventMs }) => eventMs)),
  }
}

/** As the stack's own functions have it, but for the profiles: these events show nobody. */
const environmentOf = async ({ stack }: ServiceTarget, definition: FunctionDefinition) => ({
  ...functionVariables(definition, {
    databaseUrl: stack.outputs.DatabaseUrl,
    redisUrl: stack.outputs.RedisUrl,
    connectionsUrl: new URL('/', stack.outputs.WebSocketUrl.replace(/^ws/, 'http')).origin,
    webSocketUrl: stack.outputs.WebSocketUrl,
    dynamoDbUrl: nowhere,
    queueUrl: name => new URL(name, stack.outputs.NotificationsQueueUrl).href,
    jwtSecret: testSecret,
    profileApi: { url: nowhere, token: 'bench' },
    serviceToken: testServiceToken,
    contentMasterKey: (await readFile(stack.directory.contentMasterKey, 'utf8')).trim(),
    logMaskKey: 'bench',
    settings: {},
  }),
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
})

/**
 * How long each function's bundle takes to load in a fresh process, beside ioredis alone, and how large it is; and, of those that a
 * socket meets, how long the first event takes after that.
 */
export const coldStartScenario = (service: ServiceTarget): Scenario => ({
  name: 'cold start, import of each bundle and first event',
  targets: ['service'],
  run: async () => {
    const events = await firstEvents(service)
    const ioredis = await coldStart(join(repository, 'node_modules/ioredis/built/index.js'), {})
    const figures: Figures = { 'ioredis alone ms': ioredis.importMs }
    for (const [name, definition] of Object.entries(topology.functions)) {
      const bundle = join(service.stack.directory.functions, name, 'index.mjs')
      const { importMs, eventMs } = await coldStart(bundle, await environmentOf(service, definition), events[name])
      figures[`${name} ms`] = importMs
      figures[`${name} × ioredis`] = importMs / ioredis.importMs
      if (events[name]) figures[`${name} first event ms`] = eventMs
      figures[`${name} KB`] = (await stat(bundle)).size / 1_000
    }
    return figures
  },
})
