import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import * as z from 'zod'
import { cast } from '../cast.ts'
import { repository } from '../local-directory.ts'
import type { Page, Pages } from '../pages/pages.ts'
import { signToken } from '../tokens.ts'

export const playgroundPath = '/playground'

const folder = 'infra/local/playground/app'

/** The page's code with the client, as an application has it that installs the package. */
const bundleOptions: BuildOptions = {
  absWorkingDir: repository,
  entryPoints: { main: `${folder}/main.tsx`, style: `${folder}/styles/all.css` },
  outdir: '/',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  alias: { 'kaha-chat-client': './shared/client/entry.ts' },
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
}

/** The files that are made of the page's code, by their names. */
export const bundlePlayground = async (): Promise<Map<string, string>> => {
  const { outputFiles = [] } = await build(bundleOptions)
  return new Map(outputFiles.map(({ path, text }) => [basename(path), text]))
}

/** Everything comes from this host; besides, the page talks to the WebSocket API. */
const policyFor = (webSocketUrl: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${webSocketUrl}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')

const TokenRequest = z.strictObject({
  id: z.uuid(),
  kahaId: z.string().min(1).max(100),
  businessId: z.uuid().optional(),
})

const NamesRequest = z.array(z.strictObject({ id: z.uuid(), name: z.string().min(1).max(100) })).max(1_000)

/**
 * The playground: a page for one person to chat with themselves, as two users side by side. Tokens for whomever it pretends to be
 * come from this host, and only for a page of this host.
 */
export const playgroundPages = ({
  jwtSecret,
  webSocketUrl,
  bundle,
  rename,
}: {
  jwtSecret: string
  webSocketUrl: string
  bundle: () => Promise<Map<string, string>>
  /** Gives a user or a business a name; absent where the main service is none of ours. */
  rename?: (id: string, name: string) => void
}): Pages => {
  const policy = policyFor(webSocketUrl)
  const page = (type: string, read: Page['read']): Page => ({ type, policy, read })
  const file = (name: string, type: string): Page => page(type, () => readFile(join(repository, folder, name)))
  const bundled = (name: string, type: string): Page => page(type, async () => (await bundle()).get(name) ?? '')
  return {
    pages: new Map([
      [playgroundPath, file('index.html', 'text/html; charset=utf-8')],
      [`${playgroundPath}/icon.svg`, file('icon.svg', 'image/svg+xml')],
      [`${playgroundPath}/main.js`, bundled('main.js', 'text/javascript; charset=utf-8')],
      [`${playgroundPath}/style.css`, bundled('style.css', 'text/css; charset=utf-8')],
      [`${playgroundPath}/cast.json`, page('application/json', async () => JSON.stringify(cast))],
    ]),
    requests: new Map([
      [
        `${playgroundPath}/token`,
        {
          answer: async body => {
            const { businessId, ...claims } = TokenRequest.parse(body)
            return { token: await signToken(jwtSecret, { ...claims, ...(businessId && { businessId }) }) }
          },
        },
      ],
      [
        `${playgroundPath}/names`,
        {
          answer: async body => {
            for (const { id, name } of NamesRequest.parse(body)) rename?.(id, name)
            return {}
          },
        },
      ],
    ]),
  }
}
