import { join } from 'node:path'
import { fetchedPackage } from './fetched-package.ts'

const version = '22.23.3'

/** By platform, what npm's package `node` would install. */
const integrities: Readonly<Record<string, string>> = {
  'linux-x64': 'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  'linux-arm64': 'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
  'darwin-x64': 'sha512-V6W/fNXsKFF0DMrBrpLNp9meU45Qbe6tQ3HlzrpdiPWW+zlbmTGou1LE8aGHOghVWXJFexvi7RDCQVQi1I1t8w==',
}

const platform = `${process.platform}-${process.arch}`

/** Why nothing can be tested in Node 22 here; undefined when it can. */
export const noNode22 = (): string | undefined =>
  platform in integrities ? undefined : `npm has no Node ${version} for ${platform}`

/** The program. It is fetched the first time. */
export const node22 = async (): Promise<string> => {
  const integrity = integrities[platform] ?? ''
  return join(await fetchedPackage({ name: `node-${platform}`, version, integrity }), 'bin/node')
}
