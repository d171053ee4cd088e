import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { avatarUrl, businessName, userName } from './names.ts'

/**
 * How the stand-in behaves: as it should, after so many milliseconds, with status 500, with something that is no answer, with
 * half of those it is asked for, or with 100 MB.
 */
export type Behaviour = 'right' | { readonly slowMs: number } | 'failing' | 'garbage' | 'partial' | 'huge'

/** What one call asked for. */
export interface ProfileCall {
  readonly userIds: readonly string[]
  readonly businessIds: readonly string[]
}

/** Stands for the platform's main service: everybody has a name, the same each time. */
export interface MainServiceStandIn {
  readonly url: string
  readonly calls: readonly ProfileCall[]
  behave(behaviour: Behaviour): void
  /** From now on this user or business has another name; null: there is nobody with that id. */
  rename(id: string, name: string | null): void
  stop(): Promise<void>
}

interface Batch {
  user_uuids: string[]
  business_uuids: string[]
}

/** Of those that a partial answer has. */
export const isInHalf = (id: string): boolean => Number.parseInt(id.slice(-1), 16) % 2 === 0

const hugeBytes = 100 * 1024 * 1024
const chunk = Buffer.alloc(64 * 1024, ' ')

const hugeBody = function* () {
  for (let sent = 0; sent < hugeBytes; sent += chunk.length) yield chunk
}

const sendHuge = async (response: ServerResponse): Promise<void> => {
  response.writeHead(200, { 'content-type': 'application/json' })
  // Whoever asked hangs up in the middle, if they are wise.
  await pipeline(hugeBody, response).catch(() => {})
}

/** @param port By default a free one. */
export const startMainService = async ({
  token,
  port = 0,
}: {
  token: string
  port?: number
}): Promise<MainServiceStandIn> => {
  const calls: ProfileCall[] = []
  const renamed = new Map<string, string | null>()
  let behaviour: Behaviour = 'right'

  const profilesOf = (ids: readonly string[], nameOf: (id: string) => string) =>
    ids
      .map(id => ({ uuid: id, name: renamed.has(id) ? renamed.get(id) : nameOf(id), avatar_url: avatarUrl(id) }))
      .filter(({ name }) => name !== null)
      .filter(({ uuid }) => behaviour !== 'partial' || isInHalf(uuid))

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (`${incoming.method} ${incoming.url}` !== 'POST /api/batch/profiles') return void send(404, {})
    if (incoming.headers.authorization !== `Bearer ${token}`) return void send(401, {})
    const { user_uuids: userIds, business_uuids: businessIds } = (await json(incoming)) as Batch
    calls.push({ userIds, businessIds })
    if (behaviour === 'failing') return void send(500, { error: 'on purpose' })
    if (behaviour === 'garbage') return void response.end('<html>Hello')
    if (behaviour === 'huge') return sendHuge(response)
    if (typeof behaviour === 'object') await delay(behaviour.slowMs, undefined, { ref: false })
    send(200, { users: profilesOf(userIds, userName), businesses: profilesOf(businessIds, businessName) })
  }

  const server = createServer((incoming, response) => {
    // A caller that has gone away is what a slow answer is for.
    answer(incoming, response).catch(() => response.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    behave: next => {
      behaviour = next
    },
    rename: (id, name) => void renamed.set(id, name),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
