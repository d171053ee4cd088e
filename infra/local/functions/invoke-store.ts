import { AsyncLocalStorage } from 'node:async_hooks'

type Fields = Record<PropertyKey, unknown>

const requestIdKey = Symbol.for('_AWS_LAMBDA_REQUEST_ID')

/**
 * What the runtime of Lambda Managed Instances puts at `globalThis.awslambda.InvokeStore`: the fields of the event that the
 * calling code belongs to. Powertools and the AWS SDK keep their state of one event there, so that events in one
 * environment don't mix their log keys and metrics.
 */
export class InvokeStore {
  readonly #storage = new AsyncLocalStorage<Fields>()

  /** The fields that an event starts with. */
  static fields(requestId: string): Fields {
    return { [requestIdKey]: requestId }
  }

  run<Result>(fields: Fields, work: () => Result): Result {
    return this.#storage.run(fields, work)
  }

  getContext(): Fields | undefined {
    return this.#storage.getStore()
  }

  hasContext(): boolean {
    return this.#storage.getStore() !== undefined
  }

  get(key: PropertyKey): unknown {
    return this.#storage.getStore()?.[key]
  }

  /** Throws outside an event. */
  set(key: PropertyKey, value: unknown): void {
    const fields = this.#storage.getStore()
    if (!fields) throw new Error('No context available')
    fields[key] = value
  }

  getRequestId(): string {
    return String(this.get(requestIdKey) ?? '-')
  }

  getXRayTraceId(): string | undefined {
    return undefined
  }

  getTenantId(): string | undefined {
    return undefined
  }
}
