import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { decodeJwt, SignJWT } from 'jose'
import * as z from 'zod'
import { localDirectoryAt } from '../local/local-directory.ts'
import { runningStack } from '../local/running-stack.ts'

export interface User {
  readonly id: string
  readonly token: string
}

export interface TokenSource {
  /** A user of whom nobody else was told. */
  newUser(): Promise<User>
  /** Signs tokens with any claims; absent where the key is somebody else's. */
  readonly sign?: (claims: Record<string, unknown>, expiresInSeconds: number) => Promise<string>
}

const commandTimeoutMs = 30_000
const validForSeconds = 3_600
const Claims = z.object({ id: z.uuid().optional(), sub: z.string().optional() })

const signing = (environment: NodeJS.ProcessEnv, secret: string): TokenSource => {
  const { JWT_ISSUER, JWT_AUDIENCE } = environment
  const sign = (claims: Record<string, unknown>, expiresInSeconds: number): Promise<string> => {
    const jwt = new SignJWT({ kahaId: 'verify', ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInSeconds)
    if (JWT_ISSUER) jwt.setIssuer(JWT_ISSUER)
    if (JWT_AUDIENCE) jwt.setAudience(JWT_AUDIENCE)
    return jwt.sign(new TextEncoder().encode(secret))
  }
  const newUser = async (): Promise<User> => {
    const id = randomUUID()
    return { id, token: await sign({ id }, validForSeconds) }
  }
  return { newUser, sign }
}

/** Runs the command for each user, with `USER_ID` (a new UUID, for those who can choose) and `USER_NUMBER` (1, 2) in its environment. */
const asking = (command: string): TokenSource => {
  const seen = new Set<string>()
  return {
    newUser: async () => {
      const env = { ...process.env, USER_ID: randomUUID(), USER_NUMBER: String(seen.size + 1) }
      const run = promisify(execFile)('sh', ['-c', command], { env, timeout: commandTimeoutMs })
      const { stdout } = await run.catch(error => {
        throw new Error(`--token-command failed: ${String(error.stderr || error.message).trim()}`)
      })
      const token = stdout.trim()
      const id = userOf(token)
      if (id === undefined) throw new Error('--token-command prints a JWT with `id` or `sub`, and nothing else')
      if (seen.has(id))
        throw new Error(`--token-command gave a token of the same user twice (${id}): it takes two users`)
      seen.add(id)
      return { id, token }
    },
  }
}

const userOf = (token: string): string | undefined => {
  try {
    const { id, sub } = Claims.parse(decodeJwt(token))
    return id ?? sub
  } catch {
    return undefined
  }
}

/**
 * How this run comes by tokens: from a command that prints one, else signed with the secret `JWT_SECRET`, else signed with the one of
 * the local stack that has written these outputs. Rejects where there is none of them.
 */
export const tokenSource = async (
  { tokenCommand, outputsFile }: { tokenCommand?: string | undefined; outputsFile: string },
  environment = process.env,
): Promise<TokenSource> => {
  if (tokenCommand) return asking(tokenCommand)
  if (environment.JWT_SECRET) return signing(environment, environment.JWT_SECRET)
  const local = await runningStack(localDirectoryAt(dirname(outputsFile)))
  if (local) return signing({}, local.jwtSecret)
  throw new Error('Tokens are needed: set JWT_SECRET to the secret of the stage, or give --token-command')
}
