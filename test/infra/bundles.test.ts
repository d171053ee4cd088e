import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Metafile } from 'esbuild'
import { bundleFunction } from '../../infra/bundle.ts'
import { type FunctionDefinition, type Resource, topology } from '../../infra/topology.ts'
import { variablesOf } from './rendered.ts'
import { synthesize } from './synthesized.ts'

const execute = promisify(execFile)
const functions: [string, FunctionDefinition][] = Object.entries(topology.functions)
/** These are on the way of every handshake and every heartbeat, so their cold starts count most. */
const small = new Set(['AuthorizerFunction', 'HeartbeatFunction', 'DisconnectFunction'])

/** The AWS clients that each kind of entry in `uses` needs. */
const clientsFor: Record<string, string[]> = {
  database: ['rds-signer', 'client-secrets-manager'],
  'content-keys': ['client-kms'],
  redis: [],
  connections: ['client-apigatewaymanagementapi'],
  tokens: ['client-secrets-manager'],
  profiles: ['client-secrets-manager'],
  'service-token': ['client-secrets-manager'],
  queue: ['client-sqs'],
  table: ['client-dynamodb'],
}
const clientsOf = (uses: readonly Resource[]): string[] =>
  uses.flatMap(use => clientsFor[use.replace(/:.*/, '')] ?? [`${use}?`])

const template = synthesize({ stage: 'prod' })
let folder: string
const bundles = new Map<string, Metafile>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kaha-chat-bundles-'))
  await Promise.all(
    functions.map(async ([name, definition]) => {
      const { metafile } = await bundleFunction(name, definition, folder)
      bundles.set(name, metafile)
    }),
  )
}, 150_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What Lambda will set for the function, with something in the place of what only a deployment knows. */
const environmentOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variablesOf(template, name)).map(([key, value]) => [
      key,
      value
        .replace(/<[^>]+\.Port>/g, '6379')
        // What CloudFormation gives for a queue is its whole URL.
        .replace(/^<WorkersQueues[^>]+>$/, 'https://sqs.us-east-1.amazonaws.com/000000000000/queue')
        .replace(/^<[^>]+\.Arn>$/, 'arn:aws:kms:eu-central-1:000000000000:key/deployed')
        .replace(/<[^>]+>/g, 'deployed.example.com'),
    ]),
  )

const output = (name: string) => {
  const found = Object.entries(bundles.get(name)?.outputs ?? {}).find(([path]) => path.endsWith('index.mjs'))
  if (!found) throw new Error(`${name} has no bundle`)
  return found[1]
}
/** The packages of which something is left in the bundle. */
const packagesIn = (name: string): string[] => {
  const files = Object.entries(output(name).inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  return [...new Set(files.flatMap(([path]) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))]
}

describe.each(functions)('the bundle of %s', (name, definition) => {
  const budget = small.has(name) ? 500_000 : 1_000_000

  test(`is under ${budget / 1_000} KB`, () => {
    expect(output(name).bytes).toBeGreaterThan(1_000)
    expect(output(name).bytes).toBeLessThan(budget)
  })

  test('holds no part of the CDK and no AWS client but those of what the function uses', () => {
    const packages = packagesIn(name)
    expect(packages).toContain(definition.uses.includes('redis') ? 'ioredis' : 'zod')
    expect(packages.filter(each => /^(aws-cdk-lib|constructs|cdk-nag)$/.test(each))).toEqual([])
    const clients = packages.flatMap(each => /^@aws-sdk\/(client-.+|rds-signer)$/.exec(each)?.[1] ?? [])
    expect(clients.filter(client => !clientsOf(definition.uses).includes(client))).toEqual([])
  })

  test('loads under Node 24 with the environment that the stack gives it, and nothing else, and has a handler', async () => {
    const bundle = pathToFileURL(join(folder, name, 'index.mjs')).href
    const script = `
      const loaded = await import(${JSON.stringify(bundle)}).catch(error => ({ handler: undefined, error: error.message }))
      process.stdout.write([process.versions.node, typeof loaded.handler, loaded.error ?? 'loaded'].join(' '))
      process.exit()`
    const { stdout, stderr } = await execute(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      env: { ...environmentOf(name), AWS_LAMBDA_FUNCTION_NAME: name, AWS_REGION: 'eu-central-1' },
      timeout: 60_000,
    })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^24\.\d+\.\d+ function loaded$/)
  })
})
