import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, jest } from '@jest/globals'
import { App, type AppProps } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { ChatStack } from '../../infra/aws/chat-stack.ts'
import { readOptions } from '../../infra/aws/options.ts'
import { topology as deployed, type Topology } from '../../infra/topology.ts'

const { context: projectContext } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'kaha-chat-infra-'))
// A first template takes ten seconds alone, and longer beside all other tests.
jest.setTimeout(120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Stands for the bundles, which have tests of their own: a template only needs a folder for each function. */
const placeholders = (topology: Topology): string => {
  const bundles = join(folder, 'functions')
  for (const name of Object.keys(topology.functions)) {
    mkdirSync(join(bundles, name), { recursive: true })
    writeFileSync(join(bundles, name, 'index.mjs'), `export const handler = async () => '${name}'\n`)
  }
  return bundles
}

export const build = (context: AppProps['context'], topology: Topology = deployed) => {
  const app = new App({ outdir: mkdtempSync(join(folder, 'out-')), context: { ...projectContext, ...context } })
  const options = readOptions(app.node)
  const stack = new ChatStack(app, `KahaChat-${options.stage}`, { topology, bundles: placeholders(topology), options })
  return { app, stack }
}

/** A template is read where another file of this run has made it: that takes some milliseconds, loading the CDK takes seconds. */
export const synthesize = (context: AppProps['context'], topology: Topology = deployed): Template => {
  const name = createHash('sha256')
    .update(JSON.stringify([context, topology]))
    .digest('hex')
  const file = join(process.env.TEST_TEMPLATES ?? folder, `${name}.json`)
  if (existsSync(file)) return Template.fromJSON(JSON.parse(readFileSync(file, 'utf8')))
  const template = Template.fromStack(build(context, topology).stack)
  writeFileSync(file, JSON.stringify(template.toJSON()))
  return template
}

/**
 * The deployed topology plus a queue and its worker, and a function that uses everything there is, so that what the stack makes
 * of each kind of entry is tested whatever the deployed one needs at the moment.
 */
export const completeTopology: Topology = {
  ...deployed,
  functions: {
    ...deployed.functions,
    ProbeWorkerFunction: {
      entry: 'functions/queue/probe.ts',
      memoryMb: 256,
      timeoutSeconds: 45,
      uses: ['database', 'redis', 'connections', 'tokens', 'queue:ProbeJobs', 'table:Audit'],
    },
    ProbeSenderFunction: {
      entry: 'functions/http/probe.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['queue:ProbeJobs'],
    },
    ProbeRecorderFunction: {
      entry: 'functions/http/recorder.ts',
      memoryMb: 256,
      timeoutSeconds: 10,
      uses: ['table:Audit'],
    },
  },
  queues: {
    ...deployed.queues,
    ProbeJobs: {
      function: 'ProbeWorkerFunction',
      batchSize: 20,
      maxBatchingWindowSeconds: 2,
      maxConcurrency: 10,
      maxReceiveCount: 5,
    },
  },
}
