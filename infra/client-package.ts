import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuildOptions, build } from 'esbuild'
import { API, type Project } from 'typescript/unstable/sync'

const execute = promisify(execFile)
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const source = join(root, 'shared/client')
const tscTimeoutMs = 120_000

/** How the client becomes a file. */
const clientOptions: BuildOptions = {
  absWorkingDir: root,
  entryPoints: ['shared/client/entry.ts'],
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'neutral',
  // Node 22, and browsers since 2022.
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
}

/** `NodeBuilderFlags` of TypeScript: the whole of it, with the structure of what has a name of its own. */
const written = { noTruncation: 1, inTypeAlias: 8_388_608 }

/** Each type that a module exports, written out. */
const typesOf = ({ program, checker }: Project, file: string): Map<string, string> => {
  const module = program.getSourceFile(file)
  const symbol = module && checker.getSymbolAtLocation(module)
  if (!symbol) throw new Error(`${file} is no module`)
  return new Map(
    checker
      .getExportsOfModule(symbol)
      .map(exported => [
        exported.name,
        checker.typeToString(
          checker.getDeclaredTypeOfSymbol(exported),
          undefined,
          written.noTruncation | written.inTypeAlias,
        ),
      ]),
  )
}

/** The declarations of `service.ts` without what they are made of: the service's own files, and zod. */
const writeOut = (declarations: string): string => {
  const api = new API({ cwd: root })
  try {
    const config = join(root, 'tsconfig.json')
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
    if (!project) throw new Error('TypeScript does not know the project')
    const types = typesOf(project, join(source, 'service.ts'))
    return declarations
      .replace(/^import .*\n/gm, '')
      .replace(/^export type (\w+) = .*;$/gm, (_, name) => `export type ${name} = ${types.get(name)};`)
  } finally {
    api.close()
  }
}

/** TypeScript's declarations of the client's files, by their name. */
const declare = async (): Promise<Map<string, string>> => {
  const folder = await mkdtemp(join(tmpdir(), 'kaha-chat-types-'))
  try {
    const config = join(folder, 'tsconfig.json')
    const compilerOptions = {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: root,
      outDir: folder,
      typeRoots: [join(root, 'node_modules/@types')],
    }
    await writeFile(
      config,
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions,
        files: [join(source, 'entry.ts')],
        include: [],
      }),
    )
    await execute(join(root, 'node_modules/.bin/tsc'), ['-p', config], { timeout: tscTimeoutMs })
    const declared = join(folder, 'shared/client')
    const names = await readdir(declared)
    return new Map(
      await Promise.all(names.map(async name => [name, await readFile(join(declared, name), 'utf8')] as const)),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Makes the npm package of the client in a folder, in place of what is there. */
export const buildClientPackage = async (folder: string): Promise<void> => {
  await rm(folder, { recursive: true, force: true })
  const types = join(folder, 'types')
  await mkdir(types, { recursive: true })
  const declarations = await declare()
  for (const [name, text] of declarations) {
    const standing = name === 'service.d.ts' ? writeOut(text) : text
    await writeFile(join(types, name), standing.replace(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"))
  }
  await build({ ...clientOptions, outfile: join(folder, 'index.js') })
  const { version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const description = 'The client of kaha-chat: every message once and in order, whatever becomes of the connection'
  const manifest = {
    name: 'kaha-chat-client',
    version,
    description,
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=22' },
    exports: { '.': { types: './types/entry.d.ts', default: './index.js' } },
    files: ['index.js', 'types'],
  }
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await copyFile(join(source, 'README.md'), join(folder, 'README.md'))
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'))
}
