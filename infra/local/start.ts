import { relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs, styleText } from 'node:util'
import { operatorSettings } from '../operator-settings.ts'
import { type Host, PortInUse, startHost, startSteps } from './host.ts'
import { type LocalDirectory, localDirectory, repository } from './local-directory.ts'
import { consoleProgress } from './progress.ts'
import { AlreadyRunning } from './running-stack.ts'
import { demoUsers, signToken } from './tokens.ts'

/** The service ends within 5 s, npm included. */
const stopTimeoutMs = 4_500
/** How long a start that is stopped may take to come to its end; then the reaper ends what has started so far. */
const startPatienceMs = 1_000
const shortestSecretBytes = 32
/** Variables of this process that functions get too. */
const passedOn = ['LOG_LEVEL', 'JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE', ...operatorSettings]
const otherPort = 100

const portOf = (name: string, byDefault: number): number => {
  const port = Number(process.env[name] || byDefault)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Error(`${name} is a port, 1 to 65535, not ${process.env[name]}`)
}

/** `{ [option]: … }` when the variable is set. */
const given = <Option extends string>(option: Option, variable: string): Partial<Record<Option, string>> => {
  const value = process.env[variable]
  const options: Partial<Record<string, string>> = value ? { [option]: value } : {}
  return options as Partial<Record<Option, string>>
}

const passedOnSettings = (): Record<string, string> => {
  const settings: Record<string, string> = {}
  for (const name of passedOn) {
    const value = process.env[name]
    if (value) settings[name] = value
  }
  return settings
}

const checkedSecret = (): { jwtSecret?: string } => {
  const { jwtSecret } = given('jwtSecret', 'JWT_SECRET')
  if (jwtSecret === undefined) return {}
  if (Buffer.byteLength(jwtSecret) >= shortestSecretBytes) return { jwtSecret }
  throw new Error(`JWT_SECRET takes ${shortestSecretBytes} bytes at least`)
}

const shown = ({ path }: LocalDirectory): string => {
  const below = relative(repository, path)
  return below.startsWith('..') ? path : below
}

/** What to show instead of a stack trace: what is wrong and, where it is known, what to type. */
const explain = (error: unknown, directory: LocalDirectory): string => {
  if (error instanceof AlreadyRunning) {
    const { pid, httpPort, webSocketPort } = error.running
    return [
      `kaha-chat runs in ${shown(directory)} already: process ${pid}, HTTP API on port ${httpPort}, WebSocket API on port ${webSocketPort}.`,
      `To start another one beside it, choose other ports and another directory for its data:`,
      `  LOCAL_DIR=.local/second PORT=${httpPort + otherPort} WS_PORT=${webSocketPort + otherPort} npm start`,
    ].join('\n')
  }
  if (error instanceof PortInUse) {
    const variable = error.purpose === 'HTTP API' ? 'PORT' : 'WS_PORT'
    return `${error.message}. Choose another one: ${variable}=${error.port + otherPort} npm start`
  }
  return error instanceof Error ? error.message : String(error)
}

const showReady = async ({ outputs, jwtSecret }: Host, directory: LocalDirectory): Promise<void> => {
  const alice = await signToken(jwtSecret, demoUsers.alice)
  const bob = await signToken(jwtSecret, demoUsers.bob)
  const title = (text: string): string => styleText('bold', text)
  console.log(`
${title('kaha-chat is up')} after ${process.uptime().toFixed(1)} s. Ctrl-C ends it.

${title('Addresses')} (also in ${shown(directory)}/outputs.json; logs in ${shown(directory)}/logs)
  Playground  ${outputs.PlaygroundUrl}
  HTTP API    ${outputs.HttpApiUrl}
  WebSocket   ${outputs.WebSocketUrl}
  API docs    ${outputs.HttpApiUrl}/docs
  Postgres    ${outputs.DatabaseUrl}
  Redis       ${outputs.RedisUrl}

${title('Tokens')} for 12 hours; others with: npm run token -- --id <uuid>
  Alice ${demoUsers.alice.id}
  ${alice}
  Bob ${demoUsers.bob.id}
  ${bob}

${title('Try it')}: open the playground and chat with yourself, or have Alice start a conversation with Bob
  curl -s ${outputs.HttpApiUrl}/conversations/direct -H 'Authorization: Bearer ${alice}' -H 'Content-Type: application/json' -d '{"targetUserId":"${demoUsers.bob.id}"}'
`)
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: { fresh: { type: 'boolean', default: false }, watch: { type: 'boolean', default: false } },
  })
  const directory = localDirectory()
  let stopping = false
  const stop = async (exitCode: number): Promise<void> => {
    if (stopping) return
    stopping = true
    console.log('Stopping …')
    // What is not ended by then, the reaper ends: it goes on without this process.
    setTimeout(() => process.exit(1), stopTimeoutMs).unref()
    const host = await Promise.race([starting.catch(() => undefined), delay(startPatienceMs, undefined)])
    await host?.stop().catch(console.error)
    process.exit(exitCode)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, () => void stop(0))

  const starting = startHost({
    directory,
    httpPort: portOf('PORT', 3000),
    webSocketPort: portOf('WS_PORT', 3001),
    ...checkedSecret(),
    ...given('serviceToken', 'SERVICE_TOKEN'),
    ...given('profileApiToken', 'PROFILE_API_TOKEN'),
    ...given('profileApiUrl', 'PROFILE_API_URL'),
    corsOrigins: (process.env.CORS_ORIGINS || '*').split(',').map(origin => origin.trim()),
    ...given('databaseUrl', 'DATABASE_URL'),
    ...given('redisUrl', 'REDIS_URL'),
    settings: passedOnSettings(),
    fresh: values.fresh,
    watch: values.watch,
    progress: consoleProgress(startSteps),
    storeLost: (title, how) => {
      console.error(`${title} has ended (${how}); see ${shown(directory)}/logs`)
      void stop(1)
    },
  })
  try {
    const host = await starting
    if (!stopping) await showReady(host, directory)
  } catch (error) {
    if (!stopping) throw error
  }
}

main().catch(error => {
  console.error(styleText('red', explain(error, localDirectory())))
  process.exit(1)
})
