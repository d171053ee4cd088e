import type { Plugin } from 'esbuild'

/**
 * Parts of packages that no function ever runs, by the end of their path, and what stands for them in bundles: together they are
 * 50 KB, which every cold start would load.
 */
const unusedParts: Record<string, string> = {
  // The names of HTML entities: text is tokenized with `decodeEntities: false`, nothing is ever decoded.
  'entities/dist/generated/decode-data-html.js': 'export const htmlDecodeTree = new Uint16Array(0)',
  // Certificates of another company's cloud.
  'ioredis/built/constants/TLSProfiles.js': 'exports.default = {}',
  // The driver in C, which is not installed.
  'pg/lib/native/index.js': 'module.exports = undefined',
  // Debug output of ioredis, which is off.
  'debug/src/index.js':
    'const create = () => Object.assign(() => {}, { enabled: false }); create.default = create; module.exports = create',
}

const pattern = new RegExp(`/(?:${Object.keys(unusedParts).join('|')})$`.replaceAll('.', '\\.'))

/** Leaves them out. */
export const leaveOutUnusedParts: Plugin = {
  name: 'leave-out-unused-parts',
  setup: build => {
    build.onLoad({ filter: pattern }, ({ path }) => {
      const part = Object.keys(unusedParts).find(end => path.endsWith(`/${end}`)) ?? ''
      return { contents: unusedParts[part] ?? '', loader: 'js' }
    })
  },
}
