import { readFileSync } from 'node:fs'

const packageFile = new URL('../../package.json', import.meta.url)

/** What both documents say of this release. */
export const releaseInfo = (): { title: string; version: string; contact: object; license: object } => {
  const { name, version, license } = JSON.parse(readFileSync(packageFile, 'utf8')) as Record<string, string>
  return { title: name ?? '', version: version ?? '', contact: { name: 'Kaha' }, license: { name: license } }
}
