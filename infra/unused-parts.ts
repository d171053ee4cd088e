import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

/**
 * Parts of packages that no function ever runs, by the end of their path, and what stands for them in bundles: together they are
 * some 110 KB, which every cold start would load.
 */
const unusedParts: Record<string, string> = {
  // The names of HTML entities: text is tokenized with `decodeEntities: false`, nothing is ever decoded.
  'entities/dist/generated/decode-data-html.js': 'export const htmlDecodeTree = new Uint16Array(0)',
  // Certificates of another company's cloud.
  'ioredis/built/constants/TLSProfiles.js': 'exports.default = {}',
  // Ways to a Redis that is not in cluster mode, and a command for mass imports.
  'ioredis/built/connectors/SentinelConnector/index.js': '',
  'ioredis/built/himport/HimportCoordinator.js': `
    for (const name of ['cloneHimportFieldsets', 'getHimportBinding', 'setHimportRole', 'unbindHimportCoordinator',
      'interceptHimportCommand', 'interceptHimportControlCommand', 'interceptHimportPipeline', 'isHimportControlCommand',
      'isInternalHimportCommand']) exports[name] = () => undefined
    exports.hasHimportCoordinator = Symbol()`,
  // The driver in C, which is not installed.
  'pg/lib/native/index.js': 'module.exports = undefined',
  // The file of passwords, read where none is given.
  'pgpass/lib/index.js': 'module.exports = (connection, found) => found(undefined)',
  // Events that AWS streams, and hashes for a Node without its crypto.
  '@smithy/core/dist-es/submodules/event-streams/index.js':
    'export const EventStreamSerde = undefined, eventStreamSerdeProvider = undefined',
  '@smithy/core/dist-es/submodules/checksum/sha256/Sha256Js.js': 'export const Sha256Js = undefined',
  '@smithy/core/dist-es/submodules/checksum/md5/Md5Js.js': 'export const Md5Js = undefined',
  // Both rewrite queries: for a schema that is named, and for indexes made by a builder. Neither is used.
  'kysely/dist/plugin/with-schema/with-schema-plugin.js': 'export class WithSchemaPlugin {}',
  'kysely/dist/plugin/immediate-value/immediate-value-transformer.js': 'export class ImmediateValueTransformer {}',
  // Debug output of ioredis, which is off.
  'debug/src/index.js':
    'const create = () => Object.assign(() => {}, { enabled: false }); create.default = create; module.exports = create',
}

const pattern = new RegExp(`/(?:${Object.keys(unusedParts).join('|')})$`.replaceAll('.', '\\.'))

/** What ioredis knows of a command of Redis. */
interface RedisCommand {
  arity: number
  flags: string[]
  subcommands?: Record<string, RedisCommand>
}

/** The only flags that ioredis asks for. */
const flagsInUse = new Set(['readonly', 'loading'])

const mapValues = <From, To>(from: Record<string, From>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(from).map(([name, value]) => [name, map(value)]))

/** A third of what the list of commands weighs is never read. */
const usedOf = ({ arity, flags, subcommands, ...keys }: RedisCommand): Omit<RedisCommand, 'arity'> => ({
  ...keys,
  flags: flags.filter(flag => flagsInUse.has(flag)),
  ...(subcommands && { subcommands: mapValues(subcommands, usedOf) as Record<string, RedisCommand> }),
})

/** Leaves them out. */
export const leaveOutUnusedParts: Plugin = {
  name: 'leave-out-unused-parts',
  setup: build => {
    build.onLoad({ filter: pattern }, ({ path }) => {
      const part = Object.keys(unusedParts).find(end => path.endsWith(`/${end}`)) ?? ''
      return { contents: unusedParts[part] ?? '', loader: 'js' }
    })
    build.onLoad({ filter: /\/@ioredis\/commands\/built\/commands\.json$/ }, async ({ path }) => {
      const commands: Record<string, RedisCommand> = JSON.parse(await readFile(path, 'utf8'))
      return { contents: JSON.stringify(mapValues(commands, usedOf)), loader: 'json' }
    })
  },
}
