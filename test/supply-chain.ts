/**
 * Writes a list of all that is deployed (CycloneDX) to `dist/sbom.cdx.json`, and asks the registry for known weaknesses. Fails
 * when something that is deployed has one that `docs/supply-chain.md` does not explain; of tools it only tells. A registry that
 * does not answer is told and is no failure, so that tests run without a network, too.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Advisory, advisoriesIn, unexplained } from './support/advisories.ts'

const root = dirname(import.meta.dirname)
const sbomFile = join(root, 'dist', 'sbom.cdx.json')
const patienceMs = 30_000

/** What npm prints, whatever its exit code: it is 1 when there are advisories, and when there was no answer. */
const npm = (...args: string[]): Promise<string> =>
  new Promise(resolve => {
    const options = { cwd: root, timeout: patienceMs, maxBuffer: 64 * 1024 * 1024 }
    execFile('npm', args, options, (_, stdout) => resolve(stdout))
  })

const audit = async (...args: string[]): Promise<Advisory[] | undefined> =>
  advisoriesIn(await npm('audit', '--json', '--fetch-retries=0', '--fetch-timeout=10000', ...args))

const tell = (advisories: readonly Advisory[]): void => {
  for (const { id, package: name, severity, title } of advisories) console.log(`  ${id} ${severity} ${name}: ${title}`)
}

const writeSbom = async (): Promise<void> => {
  const sbom = await npm(
    'sbom',
    '--sbom-format=cyclonedx',
    '--sbom-type=application',
    '--omit=dev',
    '--package-lock-only',
  )
  const { components } = JSON.parse(sbom) as { components: unknown[] }
  await mkdir(dirname(sbomFile), { recursive: true })
  await writeFile(sbomFile, sbom)
  console.log(`dist/sbom.cdx.json lists the ${components.length} packages that are deployed`)
}

await writeSbom()
const documentation = await readFile(join(root, 'docs', 'supply-chain.md'), 'utf8')
const deployed = await audit('--omit=dev')
if (!deployed) {
  console.log('The registry was asked for known weaknesses of packages, and did not answer')
  process.exit(0)
}
const open = unexplained(deployed, documentation)
console.log(`${deployed.length} known weaknesses of what is deployed, ${open.length} of them not explained`)
tell(open)
const ofTools = unexplained((await audit()) ?? [], documentation).filter(each => !open.some(({ id }) => id === each.id))
if (ofTools.length > 0) console.log(`${ofTools.length} of tools:`)
tell(ofTools)
process.exit(open.length > 0 ? 1 : 0)
