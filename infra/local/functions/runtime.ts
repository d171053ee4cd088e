/**
 * What runs inside an environment's thread: loads the bundle, calls its handler for each event, and tells the host how it
 * went. The counterpart of Lambda's own runtime for Node 24: handlers return promises, there is no callback.
 */
import { subscribe } from 'node:diagnostics_channel'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { InvokeStore } from './invoke-store.ts'
import { exceeds, payloadLimit } from './payload-limit.ts'

export interface RuntimeData {
  readonly functionName: string
  readonly bundlePath: string
  readonly memoryMb: number
}

export interface Failure {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: string | undefined
}

/** An event's request id, whether it succeeded, the outcome as JSON, and what that would have as its `body`. */
export type RuntimeResult = readonly [requestId: string, succeeded: boolean, json: string, body: string | undefined]

/** From the thread to the host. */
export type RuntimeMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'results'; readonly results: readonly RuntimeResult[] }
  | { readonly kind: 'warning'; readonly text: string }

type Handler = (event: unknown, context: unknown) => unknown

/** One event on its way through the handler. */
interface Invocation {
  readonly requestId: string
  openRequests: number
  returned: boolean
}

// Reading a variable of a worker thread takes a lock; of a process, as on AWS, it costs little.
process.env = { ...process.env }

const port = parentPort
if (!port) throw new Error('This file is the inside of an environment and is started by it')

const { functionName, bundlePath, memoryMb }: RuntimeData = workerData
const functionArn = `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`
const logStreamName = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${crypto.randomUUID().replaceAll('-', '')}`
const post = (message: RuntimeMessage): void => port.postMessage(message)

const invocationKey = Symbol('invocation')
const store = new InvokeStore()
Object.assign(globalThis, { awslambda: { InvokeStore: store } })

const contextOf = (requestId: string, deadline: number) => ({
  callbackWaitsForEmptyEventLoop: false,
  functionName,
  functionVersion: '$LATEST',
  invokedFunctionArn: functionArn,
  memoryLimitInMB: String(memoryMb),
  awsRequestId: requestId,
  logGroupName: `/aws/lambda/${functionName}`,
  logStreamName,
  getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
})

const failureOf = (error: unknown): Failure =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: error.stack }
    : { errorType: typeof error, errorMessage: String(error) }

let results: RuntimeResult[] = []
const flush = (): void => {
  const batch = results
  results = []
  post({ kind: 'results', results: batch })
}
const report = (requestId: string, succeeded: boolean, json: string, body?: string): void => {
  if (results.push([requestId, succeeded, json, body]) === 1) setImmediate(flush)
}

const fail = (requestId: string, failure: Failure): void => report(requestId, false, JSON.stringify(failure))

/**
 * A result without its body, and the body, where it has a text as one: that is most of it, and would only come out the same when it
 * was made JSON once more.
 */
const apart = (result: unknown): [others: unknown, body: string | undefined] => {
  if (typeof result !== 'object' || result === null || 'toJSON' in result) return [result, undefined]
  const { body, ...others } = result as { body?: unknown }
  return typeof body === 'string' && Object.hasOwn(result, 'body') ? [others, body] : [result, undefined]
}

/** JSON makes six bytes of one UTF-16 unit at most: a control character is `\u001f`. */
const longestEscape = 6

const answer = (requestId: string, result: unknown): void => {
  const [others, body] = apart(result)
  const json = JSON.stringify(others) ?? 'null'
  const bytesAtMost = (json.length + (body?.length ?? 0)) * longestEscape
  if (bytesAtMost > payloadLimit && exceeds(JSON.stringify(result) ?? 'null', payloadLimit)) {
    fail(requestId, {
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: `Response payload size exceeded maximum allowed payload size (${payloadLimit} bytes).`,
    })
  } else report(requestId, true, json, body)
}

const serve = async (handler: Handler, requestId: string, deadline: number, payload: string): Promise<void> => {
  const invocation: Invocation = { requestId, openRequests: 0, returned: false }
  try {
    const fields = InvokeStore.fields(requestId)
    fields[invocationKey] = invocation
    answer(requestId, await store.run(fields, () => handler(JSON.parse(payload), contextOf(requestId, deadline))))
  } catch (error) {
    fail(requestId, failureOf(error))
  }
  invocation.returned = true
  if (invocation.openRequests > 0) {
    warn(`returned from event ${requestId} with ${invocation.openRequests} HTTP request(s) still open`)
  }
}

const warn = (what: string): void =>
  post({
    kind: 'warning',
    text: `WORK OUTLIVES THE HANDLER: ${functionName} ${what}. On AWS the environment is frozen by then: await it.`,
  })

const currentInvocation = (): Invocation | undefined => store.get(invocationKey) as Invocation | undefined

/**
 * Watches one HTTP client, so that a request which a handler does not wait for is told: one that starts after the handler
 * has returned, and one that is open when it returns.
 */
const watch = (channels: { start: string; end: readonly string[] }, describe: (request: object) => string): void => {
  const open = new WeakMap<object, Invocation>()
  subscribe(channels.start, message => {
    const invocation = currentInvocation()
    const request = requestOf(message)
    if (!invocation || !request) return
    if (invocation.returned) {
      warn(
        `sent an HTTP request (${describe(request)}) after the handler had returned from event ${invocation.requestId}`,
      )
      return
    }
    invocation.openRequests += 1
    open.set(request, invocation)
  })
  for (const end of channels.end) {
    subscribe(end, message => {
      const request = requestOf(message)
      const invocation = request && open.get(request)
      if (!request || !invocation) return
      open.delete(request)
      invocation.openRequests -= 1
    })
  }
}

const requestOf = (message: unknown): object | undefined =>
  typeof message === 'object' && message !== null && 'request' in message && typeof message.request === 'object'
    ? (message.request ?? undefined)
    : undefined

const field = (request: object, name: string): string => String(Reflect.get(request, name) ?? '')

/** Without the query, which may hold a secret. */
const withoutQuery = (path: string): string => path.replace(/\?.*/, '')

const watchHttpClients = (): void => {
  watch(
    { start: 'http.client.request.start', end: ['http.client.response.finish', 'http.client.request.error'] },
    request => `${field(request, 'method')} ${field(request, 'host')}${withoutQuery(field(request, 'path'))}`,
  )
  watch(
    { start: 'undici:request:create', end: ['undici:request:headers', 'undici:request:error'] },
    request => `${field(request, 'method')} ${field(request, 'origin')}${withoutQuery(field(request, 'path'))}`,
  )
}

const load = async (): Promise<Handler | Failure> => {
  try {
    const { handler } = await import(pathToFileURL(bundlePath).href)
    if (typeof handler !== 'function') {
      return { errorType: 'Runtime.HandlerNotFound', errorMessage: 'index.handler is undefined or not exported' }
    }
    if (handler.length > 2) {
      return {
        errorType: 'Runtime.CallbackHandlerDeprecated',
        errorMessage: 'Node 24 on Lambda takes no callback: let the handler return a promise',
      }
    }
    return handler
  } catch (error) {
    const failure = failureOf(error)
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    return missing ? { ...failure, errorType: 'Runtime.ImportModuleError' } : failure
  }
}

watchHttpClients()
const loaded = await load()
if (typeof loaded === 'function') {
  port.on('message', (batch: readonly (string | number)[]) => {
    for (let index = 0; index < batch.length; index += 3) {
      void serve(loaded, String(batch[index]), Number(batch[index + 1]), String(batch[index + 2]))
    }
  })
  post({ kind: 'ready' })
} else {
  post({ kind: 'failed', failure: loaded })
}
