import { availableParallelism } from 'node:os'
import { type Environment, startEnvironment } from './environment.ts'
import { exceeds, payloadLimit } from './payload-limit.ts'

/** How one event ended. */
export interface InvocationResult {
  /**
   * `ok`: the handler's promise was fulfilled. `error`: it threw, could not be loaded, or its environment ended in the
   * middle. `timeout`: the function's own time was up.
   */
  outcome: 'ok' | 'error' | 'timeout'
  /** What the handler returned, as JSON gives it back (`null` for nothing). Only with `ok`. */
  payload?: unknown
  /** Lambda's name for what went wrong: the error's `name`, or `Runtime.ExitError`, `Sandbox.Timedout` and the like. */
  errorType?: string
  errorMessage?: string
  /** From handing the event over to its end, without the start of the environment. */
  durationMs: number
}

export interface FunctionSettings {
  /** The `index.mjs` that `infra/bundle.ts` makes; it exports `handler`. */
  bundlePath: string
  timeoutSeconds: number
  memoryMb: number
  /** 4 KB at most, names and values together, as on AWS. */
  environment: Record<string, string>
}

export interface FunctionLogLine {
  function: string
  /** `host`: what Lambda itself would say: errors that a handler threw, time-outs, crashes, work that outlives a handler. */
  stream: 'stdout' | 'stderr' | 'host'
  text: string
}

/** What Lambda would bill. Plain counters that only grow. */
export interface InvocationUnits {
  invocations: number
  /** Each event's duration, rounded up to whole milliseconds, times the function's memory in GB. */
  gbMilliseconds: number
}

export interface FunctionUnits extends InvocationUnits {
  readonly byFunction: Readonly<Record<string, Readonly<InvocationUnits>>>
}

/**
 * Runs function bundles as Lambda does: each one in an environment of its own (a worker thread with its own modules and
 * variables) that is started once, serves many events, and is thrown away when it misbehaves.
 *
 * It deviates from classic Lambda on purpose in one thing: **an environment serves many events at once**, as Lambda
 * Managed Instances do, so that a load test on two cores does not drown in threads. Libraries learn of it as they do
 * there (`AWS_LAMBDA_MAX_CONCURRENCY`, `awslambda.InvokeStore`).
 */
export interface FunctionHost {
  /**
   * Starts every environment that is not yet running, as many at a time as there are cores, so that the first requests
   * meet warm ones. Rejects when a bundle cannot be loaded, and names it; the others run by then. Events are taken
   * before that too: an environment also starts with its first event.
   */
  start(): Promise<void>
  /**
   * Hands one event to a function and waits for its end. Never rejects for what a function does; rejects when there is
   * no function of that name. An event or a result of more than 6 MB of JSON is an `error`, as is every event after `stop`.
   *
   * When the time is up the outcome is `timeout`, and the environment gets no further events: those that ran beside the
   * late one may finish, then it is terminated. Until then the late handler goes on running too.
   */
  invoke(functionName: string, event: unknown): Promise<InvocationResult>
  /**
   * Puts another bundle in a function's place: the new environment is started first, then takes all new events, and the old
   * one ends after its running events. Rejects when the new bundle cannot be loaded; then nothing has changed.
   */
  replace(functionName: string, bundlePath: string): Promise<void>
  /**
   * Terminates a function's environments at once, in the middle of whatever they do. Their events end in `error`, type
   * `Runtime.ExitError`; the next event starts a new environment. Without a running environment it does nothing.
   */
  kill(functionName: string): Promise<void>
  /** Terminates every environment at once. Repeating does nothing. */
  stop(): Promise<void>
  readonly units: FunctionUnits
}

const environmentLimit = 4096

/** Makes the host of a set of functions; nothing runs yet. Throws when a function's variables take more than 4 KB. */
export const createFunctionHost = (options: {
  functions: Record<string, FunctionSettings>
  log: (line: FunctionLogLine) => void
}): FunctionHost => {
  const settings = new Map(Object.entries(options.functions))
  for (const [name, { environment }] of settings) refuseLargeEnvironment(name, environment)

  const current = new Map<string, Environment>()
  const alive = new Set<Environment>()
  const names = [...settings.keys()]
  const byFunction = new Map(names.map(name => [name, { invocations: 0, gbMilliseconds: 0 }]))
  const total = (unit: keyof InvocationUnits): number =>
    byFunction.values().reduce((sum, units) => sum + units[unit], 0)
  let stopped = false

  const settingsOf = (name: string): FunctionSettings => {
    const found = settings.get(name)
    if (!found) throw new Error(`There is no function ${name}`)
    return found
  }

  const count = (name: string, unit: keyof InvocationUnits, amount: number): void => {
    const units = byFunction.get(name)
    if (units) units[unit] += amount
  }

  const launch = (name: string, definition: FunctionSettings): Environment => {
    const gigabytes = definition.memoryMb / 1024
    const environment = startEnvironment({
      name,
      settings: definition,
      log: (stream, text) => options.log({ function: name, stream, text }),
      onSettled: durationMs => count(name, 'gbMilliseconds', Math.ceil(durationMs) * gigabytes),
      onUnusable: () => {
        if (current.get(name) === environment) current.delete(name)
      },
      onEnded: () => alive.delete(environment),
    })
    alive.add(environment)
    return environment
  }

  const environmentOf = (name: string): Environment => {
    const running = current.get(name)
    if (running) return running
    const environment = launch(name, settingsOf(name))
    current.set(name, environment)
    return environment
  }

  return {
    get units() {
      return {
        invocations: total('invocations'),
        gbMilliseconds: total('gbMilliseconds'),
        byFunction: Object.fromEntries(byFunction.entries().map(([name, units]) => [name, { ...units }])),
      }
    },

    async start() {
      const failures: string[] = []
      const left = [...names]
      const startNext = async (): Promise<void> => {
        for (let name = left.shift(); name !== undefined && !stopped; name = left.shift()) {
          const failure = await environmentOf(name).ready
          if (failure) failures.push(`${name}: ${failure.errorType}: ${failure.errorMessage}`)
        }
      }
      await Promise.all(Array.from({ length: availableParallelism() }, startNext))
      if (failures.length > 0 && !stopped) throw new Error(`Functions that could not be loaded: ${failures.join('; ')}`)
    },

    async invoke(name, event) {
      if (stopped) return failed('Runtime.ExitError', 'The function host has stopped')
      const environment = environmentOf(name)
      const payload = JSON.stringify(event) ?? 'null'
      if (exceeds(payload, payloadLimit)) {
        return failed(
          'RequestTooLargeException',
          `Request must be smaller than ${payloadLimit} bytes for the InvokeFunction operation`,
        )
      }
      count(name, 'invocations', 1)
      return environment.run(payload)
    },

    async replace(name, bundlePath) {
      const definition = { ...settingsOf(name), bundlePath }
      const next = launch(name, definition)
      const failure = await next.ready
      if (failure) throw new Error(`${name} keeps its old bundle: ${failure.errorType}: ${failure.errorMessage}`)
      settings.set(name, definition)
      const previous = current.get(name)
      current.set(name, next)
      previous?.retire()
    },

    async kill(name) {
      settingsOf(name)
      await Promise.all([...alive].filter(environment => environment.name === name).map(it => it.terminate()))
    },

    async stop() {
      stopped = true
      await Promise.all([...alive].map(environment => environment.terminate()))
    },
  }
}

const failed = (errorType: string, errorMessage: string): InvocationResult => ({
  outcome: 'error',
  errorType,
  errorMessage,
  durationMs: 0,
})

const refuseLargeEnvironment = (name: string, environment: Record<string, string>): void => {
  let size = 0
  for (const [key, value] of Object.entries(environment)) size += Buffer.byteLength(key) + Buffer.byteLength(value)
  if (size > environmentLimit) {
    throw new Error(`The environment variables of ${name} take ${size} bytes; Lambda allows ${environmentLimit}`)
  }
}
