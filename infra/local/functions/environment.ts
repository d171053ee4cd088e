import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import type { FunctionSettings, InvocationResult } from './function-host.ts'
import type { Failure, RuntimeData, RuntimeMessage, RuntimeResult } from './runtime.ts'

/** One execution environment: a thread that has loaded one bundle, and the events that it works on. */
export interface Environment {
  readonly name: string
  /** Fulfilled as soon as it can serve, with the failure when it never will. Never rejects. */
  readonly ready: Promise<Failure | undefined>
  /** Serves one event, given as JSON; waits for the start first. Never rejects. */
  run(payload: string): Promise<InvocationResult>
  /** Ends it as soon as its running events are done, each of which the function's time-out bounds. */
  retire(): void
  /** Ends it at once; its events end in `Runtime.ExitError`. */
  terminate(): Promise<void>
}

interface Running {
  readonly resolve: (result: InvocationResult) => void
  readonly startedAt: number
  readonly timer: NodeJS.Timeout
}

/** Lambda gives the loading of a function 10 s. It would then load it again within the first event's time; this does not. */
const initTimeoutMs = 10_000

/** Several events share a heap here, so a function with little memory gets more than it asks for. */
const smallestHeapMb = 512

export const startEnvironment = (options: {
  name: string
  settings: FunctionSettings
  log: (stream: 'stdout' | 'stderr' | 'host', text: string) => void
  onSettled: (durationMs: number) => void
  /** It takes no more events: it is late, broken or gone. */
  onUnusable: () => void
  onEnded: () => void
}): Environment => {
  const { name, settings, log } = options
  const timeoutMs = settings.timeoutSeconds * 1000
  const running = new Map<string, Running>()
  const waiting: { payload: string; resolve: (result: InvocationResult) => void }[] = []
  let state: 'starting' | 'serving' | 'retired' | 'ended' = 'starting'
  let outbox: (string | number)[] = []

  const worker = new Worker(new URL('./runtime.ts', import.meta.url), {
    name,
    workerData: {
      functionName: name,
      bundlePath: settings.bundlePath,
      memoryMb: settings.memoryMb,
    } satisfies RuntimeData,
    env: { ...ownVariables(name, settings), ...settings.environment },
    // So that stacks name the sources, not one long line of a bundle; it costs a fraction of a second of the whole start.
    execArgv: ['--enable-source-maps'],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: Math.max(settings.memoryMb, smallestHeapMb) },
  })
  createInterface({ input: worker.stdout }).on('line', text => log('stdout', text))
  createInterface({ input: worker.stderr }).on('line', text => log('stderr', text))

  const started = Promise.withResolvers<Failure | undefined>()
  const initTimer = setTimeout(() => {
    fail({ errorType: 'Sandbox.Timedout', errorMessage: `Loading took longer than ${initTimeoutMs / 1000} s` })
  }, initTimeoutMs)

  const becomeUnusable = (next: 'retired' | 'ended'): void => {
    state = next
    options.onUnusable()
  }

  const endWhenIdle = (): void => {
    if (state === 'retired' && running.size === 0) void worker.terminate()
  }

  const serveWaiting = (): void => {
    clearTimeout(initTimer)
    state = state === 'retired' ? 'retired' : 'serving'
    started.resolve(undefined)
    for (const { payload, resolve } of waiting.splice(0)) dispatch(payload, resolve)
    endWhenIdle()
  }

  const fail = (failure: Failure): void => {
    clearTimeout(initTimer)
    log('host', `${failure.errorType}: ${failure.trace ?? failure.errorMessage}`)
    becomeUnusable('retired')
    started.resolve(failure)
    for (const { resolve } of waiting.splice(0)) {
      resolve({ outcome: 'error', errorType: failure.errorType, errorMessage: failure.errorMessage, durationMs: 0 })
    }
    void worker.terminate()
  }

  const flush = (): void => {
    const batch = outbox
    outbox = []
    worker.postMessage(batch)
  }

  const dispatch = (payload: string, resolve: (result: InvocationResult) => void): void => {
    const requestId = randomUUID()
    running.set(requestId, {
      resolve,
      startedAt: performance.now(),
      timer: setTimeout(onTimeout, timeoutMs, requestId),
    })
    // What one turn of the event loop brings crosses in one message: that halves the cost of an event under load.
    if (outbox.push(requestId, Date.now() + timeoutMs, payload) === 3) setImmediate(flush)
  }

  const settle = (requestId: string, result: Omit<InvocationResult, 'durationMs'>): void => {
    const event = running.get(requestId)
    if (!event) return
    running.delete(requestId)
    clearTimeout(event.timer)
    const durationMs = performance.now() - event.startedAt
    options.onSettled(durationMs)
    event.resolve({ ...result, durationMs })
    if (state === 'retired') endWhenIdle()
  }

  const onTimeout = (requestId: string): void => {
    const errorMessage = `${requestId} Task timed out after ${settings.timeoutSeconds.toFixed(2)} seconds`
    log('host', errorMessage)
    if (state === 'serving') becomeUnusable('retired')
    settle(requestId, { outcome: 'timeout', errorType: 'Sandbox.Timedout', errorMessage })
  }

  const onResult = ([requestId, succeeded, json, body]: RuntimeResult): void => {
    if (succeeded) {
      const payload = JSON.parse(json)
      settle(requestId, { outcome: 'ok', payload: body === undefined ? payload : { ...payload, body } })
      return
    }
    const { errorType, errorMessage, trace }: Failure = JSON.parse(json)
    log('host', `Invoke Error ${requestId} ${trace ?? `${errorType}: ${errorMessage}`}`)
    settle(requestId, { outcome: 'error', errorType, errorMessage })
  }

  worker.on('message', (message: RuntimeMessage) => {
    if (message.kind === 'results') {
      for (const result of message.results) onResult(result)
    } else if (message.kind === 'ready') serveWaiting()
    else if (message.kind === 'failed') fail(message.failure)
    else log('host', message.text)
  })

  worker.on('error', error => {
    log('host', `The environment crashed: ${error instanceof Error ? error.stack : String(error)}`)
  })

  worker.on('exit', code => {
    clearTimeout(initTimer)
    becomeUnusable('ended')
    const failure = {
      errorType: 'Runtime.ExitError',
      errorMessage: `Runtime exited with error: exit status ${code}`,
    }
    started.resolve(failure)
    for (const { resolve } of waiting.splice(0)) resolve({ outcome: 'error', ...failure, durationMs: 0 })
    for (const requestId of [...running.keys()]) settle(requestId, { outcome: 'error', ...failure })
    options.onEnded()
  })

  return {
    name,
    ready: started.promise,
    run: payload =>
      new Promise(resolve => {
        if (state === 'starting') waiting.push({ payload, resolve })
        else dispatch(payload, resolve)
      }),
    retire() {
      if (state === 'starting' || state === 'serving') becomeUnusable('retired')
      if (waiting.length === 0) endWhenIdle()
    },
    async terminate() {
      await worker.terminate()
    },
  }
}

/**
 * What Lambda itself puts into a function's environment, and what keeps the developer's own AWS set-up out of it. A
 * function's variables win over these.
 */
const ownVariables = (name: string, { bundlePath, memoryMb }: FunctionSettings): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  LANG: 'en_US.UTF-8',
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  AWS_LAMBDA_FUNCTION_NAME: name,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
  AWS_LAMBDA_MAX_CONCURRENCY: '1000',
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
  LAMBDA_TASK_ROOT: dirname(bundlePath),
  _HANDLER: 'index.handler',
})
