import { join } from 'node:path'
import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { ChatStack } from './aws/chat-stack.ts'
import { readOptions } from './aws/options.ts'
import { bundleFunction } from './bundle.ts'
import { topology } from './topology.ts'

const app = new App()
const options = readOptions(app.node)
const bundles = join(import.meta.dirname, '..', 'dist', 'functions')
await Promise.all(
  Object.entries(topology.functions).map(([name, definition]) => bundleFunction(name, definition, bundles)),
)
new ChatStack(app, `KahaChat-${options.stage}`, { topology, bundles, options })
Validations.of(app).addPlugins(new AwsSolutionsChecks())
app.synth()
