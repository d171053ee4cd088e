import type { FunctionHost, InvocationResult } from '../functions/function-host.ts'

/** The function went on for longer than API Gateway waits; the function itself is not stopped. */
export const tooLate = Symbol('integration timeout')

export interface Integration {
  /** Hands an event to a function and waits for at most that long. Never rejects: a function that is missing is an `error`. */
  invoke(functionName: string, event: unknown, timeoutMs: number): Promise<InvocationResult | typeof tooLate>
  /** How many events are at work now, those past their time included. */
  running(): number
}

/** A gateway's way to its functions. */
export const integrate = (functions: FunctionHost, log: (text: string) => void): Integration => {
  let running = 0
  return {
    running: () => running,
    invoke: (functionName, event, timeoutMs) =>
      new Promise(resolve => {
        const timer = setTimeout(resolve, timeoutMs, tooLate)
        running += 1
        functions
          .invoke(functionName, event)
          .then(resolve, (error: unknown) => {
            log(`${functionName} can not be called: ${error}`)
            resolve({ outcome: 'error', errorType: 'ResourceNotFoundException', durationMs: 0 })
          })
          .finally(() => {
            running -= 1
            clearTimeout(timer)
          })
      }),
  }
}
