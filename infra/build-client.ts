import { join } from 'node:path'
import { buildClientPackage } from './client-package.ts'
import { repository } from './local/local-directory.ts'

const folder = join(repository, 'dist/client')
await buildClientPackage(folder)
process.stdout.write(`The package is in ${folder}; npm publish ${folder} publishes it.\n`)
