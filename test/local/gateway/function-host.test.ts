import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import {
  createFunctionHost,
  type FunctionHost,
  type FunctionLogLine,
  type FunctionSettings,
} from '../../../infra/local/functions/function-host.ts'
import { eventually, fixture } from './fixture-gateway.ts'

let host: FunctionHost
const lines: FunctionLogLine[] = []
const hosts: FunctionHost[] = []

const hostOf = (functions: Record<string, FunctionSettings>): FunctionHost => {
  const made = createFunctionHost({ functions, log: line => lines.push(line) })
  hosts.push(made)
  return made
}

const said = (stream: FunctionLogLine['stream']): string =>
  lines
    .filter(line => line.stream === stream)
    .map(line => line.text)
    .join('\n')

const run = (action: string, fields: Record<string, unknown> = {}) => host.invoke('Any', { do: action, ...fields })

beforeAll(() => {
  host = hostOf({
    Any: fixture('anything', { timeoutSeconds: 1, environment: { STAGE: 'local' } }),
    Other: fixture('anything', { environment: { STAGE: 'other' } }),
  })
})

beforeEach(() => {
  lines.length = 0
})

afterAll(() => Promise.all(hosts.map(each => each.stop())))

describe('an environment', () => {
  test('has the variables of its own function and none of the host', async () => {
    process.env.ONLY_THE_HOST_KNOWS = 'this'
    const other = await host.invoke('Other', { do: 'variable', name: 'STAGE' })
    expect((await run('variable', { name: 'STAGE' })).payload).toBe('local')
    expect(other.payload).toBe('other')
    expect((await run('variable', { name: 'ONLY_THE_HOST_KNOWS' })).payload).toBeNull()
    expect((await run('variable', { name: 'AWS_LAMBDA_FUNCTION_NAME' })).payload).toBe('Any')
    expect((await run('variable', { name: 'AWS_REGION' })).payload).toBe('us-east-1')
  })

  test('is started once and serves many events at the same time', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => run('overlap')))
    const payloads = results.map(({ payload }) => payload as { environmentId: string; mostRunning: number })
    expect(new Set(payloads.map(({ environmentId }) => environmentId)).size).toBe(1)
    expect(Math.max(...payloads.map(({ mostRunning }) => mostRunning))).toBe(20)
  })

  test('keeps what libraries store for an event apart from the events beside it', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, value) => run('own fields', { value })))
    expect(results.map(({ payload }) => payload)).toEqual(Array(20).fill(true))
  })

  test('hands what a function writes on, line by line, with its name', async () => {
    await run('write')
    await eventually(() => lines.length >= 3)
    expect(lines).toEqual(
      expect.arrayContaining([
        { function: 'Any', stream: 'stdout', text: 'first' },
        { function: 'Any', stream: 'stdout', text: 'second' },
        { function: 'Any', stream: 'stderr', text: 'a complaint' },
      ]),
    )
  })

  test('gives the handler a Lambda context', async () => {
    const { payload } = await run('context')
    expect(payload).toEqual({
      callbackWaitsForEmptyEventLoop: false,
      functionName: 'Any',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:Any',
      memoryLimitInMB: '128',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      logGroupName: '/aws/lambda/Any',
      logStreamName: expect.stringContaining('[$LATEST]'),
      remaining: expect.any(Number),
    })
    const { remaining } = payload as { remaining: number }
    expect(remaining).toBeGreaterThan(0)
    expect(remaining).toBeLessThanOrEqual(1000)
  })
})

describe('an event', () => {
  test('comes to the handler as JSON gives it, and so does the result', async () => {
    const value = { text: 'नमस्ते', list: [1, null], gone: undefined, at: new Date(0) }
    const result = await run('echo', { value })
    expect(result).toEqual({
      outcome: 'ok',
      payload: { text: 'नमस्ते', list: [1, null], at: '1970-01-01T00:00:00.000Z' },
      durationMs: expect.any(Number),
    })
  })

  test('whose handler returns nothing has the payload null', async () => {
    expect(await run('echo')).toMatchObject({ outcome: 'ok', payload: null })
  })

  test.each([
    ['throw', 'RangeError', 'out of range'],
    ['throw text', 'string', 'only text'],
    ['cycle', 'TypeError', expect.stringContaining('circular')],
  ])('whose handler fails (%s) is an error with its type and message', async (action, errorType, errorMessage) => {
    expect(await run(action)).toMatchObject({ outcome: 'error', errorType, errorMessage })
    expect(await run('version')).toMatchObject({ outcome: 'ok', payload: 1 })
  })

  test('that failed is told in the log with its stack', async () => {
    await run('throw')
    expect(said('host')).toMatch(/RangeError: out of range\n\s+at .*anything\.mjs/)
  })

  test('of more than 6 MB is refused, and so is such a result', async () => {
    expect(await run('echo', { value: 'é'.repeat(3_200_000) })).toMatchObject({
      outcome: 'error',
      errorType: 'RequestTooLargeException',
    })
    expect(await run('huge')).toMatchObject({ outcome: 'error', errorType: 'Function.ResponseSizeTooLarge' })
    expect(await run('echo', { value: 'x'.repeat(6_200_000) })).toMatchObject({ outcome: 'ok' })
  })

  test('gives its body back as it is, and counts it as it would be in JSON', async () => {
    const strange = 'a "quoted" \\ é 🙂 \u0000 \ud800'
    expect(await run('respond', { text: strange, times: 1 })).toMatchObject({
      outcome: 'ok',
      payload: { statusCode: 200, body: strange },
    })
    expect(await run('respond', { text: '\u0001', times: 1_040_000 })).toMatchObject({ outcome: 'ok' })
    expect(await run('respond', { text: '\u0001', times: 1_050_000 })).toMatchObject({
      outcome: 'error',
      errorType: 'Function.ResponseSizeTooLarge',
    })
  })

  test('for a function that does not exist is rejected', async () => {
    await expect(host.invoke('Nobody', {})).rejects.toThrow('There is no function Nobody')
  })

  test('is counted with its billed time', async () => {
    const { invocations, byFunction, gbMilliseconds } = host.units
    await run('wait', { ms: 100 })
    expect(host.units.invocations - invocations).toBe(1)
    expect(host.units.gbMilliseconds - gbMilliseconds).toBeGreaterThanOrEqual(99 / 8)
    expect(host.units.byFunction.Any?.invocations).toBe((byFunction.Any?.invocations ?? 0) + 1)
    expect(host.units.byFunction.Any?.gbMilliseconds).toBeGreaterThanOrEqual(
      (byFunction.Any?.gbMilliseconds ?? 0) + 99 / 8,
    )
  })
})

describe('a function that takes too long', () => {
  test('times out, and the next event gets a new environment', async () => {
    const { payload: first } = await run('environment')
    expect(await run('late')).toMatchObject({
      outcome: 'timeout',
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringContaining('Task timed out after 1.00 seconds'),
    })
    const { payload: second } = await run('environment')
    expect(second).toEqual(expect.any(String))
    expect(second).not.toBe(first)
  })

  test('lets the events that run beside it finish', async () => {
    const patient = hostOf({ Any: fixture('anything', { timeoutSeconds: 2 }) })
    await patient.start()
    const late = patient.invoke('Any', { do: 'late' })
    await delay(900)
    const beside = patient.invoke('Any', { do: 'wait', ms: 1400 })
    expect(await late).toMatchObject({ outcome: 'timeout' })
    expect(await beside).toMatchObject({ outcome: 'ok' })
  })

  test('times out in an endless loop too', async () => {
    expect(await run('spin')).toMatchObject({ outcome: 'timeout' })
    expect(await run('version')).toMatchObject({ outcome: 'ok', payload: 1 })
  })
})

describe('an environment that ends in the middle', () => {
  test.each(['exit', 'crash', 'use all memory'])(
    '(%s) takes its events with it, and the next one starts anew',
    async action => {
      await host.invoke('Other', { do: 'environment' })
      const both = ['late', action].map(each => host.invoke('Other', { do: each }))
      for (const result of await Promise.all(both)) {
        expect(result).toMatchObject({ outcome: 'error', errorType: 'Runtime.ExitError' })
      }
      expect(await host.invoke('Other', { do: 'version' })).toMatchObject({ outcome: 'ok', payload: 1 })
    },
  )

  test('because it is killed does so at once', async () => {
    const { payload: first } = await run('environment')
    const spinning = run('spin')
    await delay(50)
    await host.kill('Any')
    expect(await spinning).toMatchObject({ outcome: 'error', errorType: 'Runtime.ExitError' })
    const { payload: second } = await run('environment')
    expect(second).not.toBe(first)
  })

  test('leaves other functions alone', async () => {
    const elsewhere = host.invoke('Other', { do: 'wait', ms: 300 })
    await run('environment')
    await host.kill('Any')
    expect(await elsewhere).toMatchObject({ outcome: 'ok' })
  })
})

describe('replacing a bundle', () => {
  let other: FunctionHost
  const ask = (action: string, fields = {}) => other.invoke('Any', { do: action, ...fields })

  beforeEach(async () => {
    other = hostOf({ Any: fixture('anything') })
    await other.start()
  })

  test('sends new events to the new one while the old one finishes its own', async () => {
    const { payload: environmentId } = await ask('environment')
    const forever = ask('late')
    const waiting = ask('wait', { ms: 500 })
    await other.replace('Any', fixture('anything-else').bundlePath)
    expect(await ask('version')).toMatchObject({ payload: 2 })
    expect(await waiting).toMatchObject({ outcome: 'ok', payload: environmentId })
    await other.kill('Any')
    expect(await forever).toMatchObject({ outcome: 'error', errorType: 'Runtime.ExitError' })
    expect(await ask('version')).toMatchObject({ payload: 2 })
  })

  test('keeps the old one when the new one cannot be loaded', async () => {
    await expect(other.replace('Any', fixture('unloadable').bundlePath)).rejects.toThrow('DATABASE_URL is missing')
    expect(await ask('version')).toMatchObject({ outcome: 'ok', payload: 1 })
  })
})

describe('a bundle that cannot serve', () => {
  const broken: [string, string][] = [
    ['unloadable', 'Error'],
    ['no-handler', 'Runtime.HandlerNotFound'],
    ['callback', 'Runtime.CallbackHandlerDeprecated'],
    ['does-not-exist', 'Runtime.ImportModuleError'],
  ]

  test.each(broken)('(%s) makes its events errors', async (file, errorType) => {
    const other = hostOf({ Broken: fixture(file) })
    expect(await other.invoke('Broken', {})).toMatchObject({ outcome: 'error', errorType })
    expect(await other.invoke('Broken', {})).toMatchObject({ outcome: 'error', errorType })
  })

  test('is named when the host starts, and the others run', async () => {
    const other = hostOf({ Good: fixture('anything'), Bad: fixture('unloadable'), Worse: fixture('no-handler') })
    const failure = expect.objectContaining({
      message: expect.stringMatching(/(?=.*Bad: Error: DATABASE_URL is missing)(?=.*Worse: Runtime.HandlerNotFound)/),
    })
    await expect(other.start()).rejects.toEqual(failure)
    expect(await other.invoke('Good', { do: 'version' })).toMatchObject({ outcome: 'ok', payload: 1 })
  })

  test('with more than 4 KB of variables is refused before anything starts', () => {
    const environment = { LONG: 'x'.repeat(4093) }
    expect(() => hostOf({ Fat: fixture('anything', { environment }) })).toThrow(
      'The environment variables of Fat take 4097 bytes; Lambda allows 4096',
    )
    expect(() => hostOf({ Fat: fixture('anything', { environment: { LONG: 'x'.repeat(4092) } }) })).not.toThrow()
  })
})

describe('work that outlives its handler', () => {
  let server: Server
  let url: string

  beforeEach(async () => {
    server = createServer((_request, response) => setTimeout(() => response.end('late'), 100))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  test.each(['leave a request open', 'leave a fetch open'])('(%s) is told loudly', async action => {
    await run(action, { url })
    expect(await eventually(() => said('host') || undefined)).toMatch(
      /WORK OUTLIVES THE HANDLER: Any returned from event \S+ with 1 HTTP request\(s\) still open/,
    )
  })

  test('is told when it starts after the return, without the query of its address', async () => {
    await run('send a request afterwards', { url })
    const text = await eventually(() => said('host') || undefined)
    expect(text).toMatch(/WORK OUTLIVES THE HANDLER: Any sent an HTTP request \(GET .*\/later\) after the handler/)
    expect(text).not.toContain('secret')
  })

  test.each(['await a request', 'await a fetch'])('is not seen where there is none (%s)', async action => {
    expect(await run(action, { url })).toMatchObject({ outcome: 'ok' })
    await delay(200)
    expect(said('host')).toBe('')
  })
})

test('a stopped host ends its events and takes no more', async () => {
  const other = hostOf({ Any: fixture('anything') })
  await other.start()
  const late = other.invoke('Any', { do: 'late' })
  await other.stop()
  expect(await late).toMatchObject({ outcome: 'error', errorType: 'Runtime.ExitError' })
  expect(await other.invoke('Any', { do: 'version' })).toMatchObject({
    outcome: 'error',
    errorType: 'Runtime.ExitError',
  })
})
