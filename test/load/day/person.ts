import { setTimeout as delay } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import { tokenFor } from '../../support/tokens.ts'
import { askHttp } from '../bench/ask-http.ts'
import { type ChatSocket, openChatSocket, type Received } from '../bench/chat-socket.ts'
import { momentIn, textAt } from '../bench/message-text.ts'
import type { HostedStack } from './hosted.ts'
import { lateMs, type Tally } from './tally.ts'
import type { Resident } from './town.ts'

const readMs = 3_000
const answerTimeoutMs = 15_000
const pollMs = 100
const shortestBackOffMs = 250
const longestBackOffMs = 10_000
/** Longer than the gateway keeps a socket. */
const tokenSeconds = 4 * 60 * 60

export interface Accepted {
  conversationId: string
  seq: number
  content: string
}

/** A user with one device, who connects, and again whenever the socket closes, for as long as they are there. */
export interface Person {
  readonly resident: Resident
  /** Connected, and told all that was waiting. */
  readonly isReady: boolean
  /** Messages that were not accepted yet. */
  readonly unsent: number
  readonly accepted: readonly Accepted[]
  readonly received: ReadonlyMap<string, Received>
  /** The texts that came, by conversation and `seq`. */
  readonly texts: ReadonlyMap<string, ReadonlyMap<number, string>>
  come(): void
  /** Resolves when everything was accepted and the socket is closed. */
  leave(): Promise<void>
  /** Sends it, behind those before it in the same conversation, until it is accepted. */
  say(conversationId: string, moment: number): void
  type(conversationId: string): void
  /** Looks at the list of conversations, and at one of them. */
  look(): Promise<void>
}

const noAnswer = (): Promise<never> =>
  delay(answerTimeoutMs, undefined, { ref: false }).then(() => {
    throw new Error('no answer')
  })

/** @param known Texts that came to anybody, so that each is kept once. */
export const createPerson = (
  stack: HostedStack,
  tally: Tally,
  { resident, number, known }: { resident: Resident; number: number; known: Map<string, string> },
): Person => {
  const { userId } = resident
  const received = new Map<string, Received>()
  const texts = new Map<string, Map<number, string>>()
  const accepted: Accepted[] = []
  const lastSends = new Map<string, Promise<void>>()
  const unread = new Set<string>()
  let socket: ChatSocket | undefined
  let readyAt = Number.POSITIVE_INFINITY
  let isWanted = false
  let connecting = Promise.resolve()
  let unsent = 0
  let said = 0

  const hear = (conversationId: string, seq: number, content: string): void => {
    const text = known.get(content) ?? content
    known.set(text, text)
    const ofConversation = texts.get(conversationId) ?? new Map<number, string>()
    texts.set(conversationId, ofConversation.set(seq, text))
    unread.add(conversationId)
    tally.deliveries += 1
    const moment = momentIn(text)
    if (!(readyAt < moment)) return
    const took = performance.now() - moment
    tally.deliveryTimes.push(took)
    if (took > lateMs) tally.late += 1
  }
  const read = (): void => {
    const positions = [...unread]
      .map(conversationId => ({ conversationId, seq: received.get(conversationId)?.through ?? 0 }))
      .filter(({ seq }) => seq > 0)
      .slice(0, 100)
    unread.clear()
    if (positions.length === 0) return
    socket?.tell('message.read', { positions })
    tally.read += 1
  }

  const connect = async (): Promise<void> => {
    const reading = setInterval(read, readMs)
    for (let attempt = 0; isWanted; attempt += 1) {
      try {
        const token = await tokenFor(userId, {}, tokenSeconds)
        const opened = await openChatSocket(`${stack.outputs.WebSocketUrl}?token=${token}`, {
          received,
          onMessage: hear,
          confirmsOwn: true,
        })
        socket = opened
        tally.arrivals += 1
        void opened.ready.then(() => {
          if (socket !== opened) return
          readyAt = performance.now()
          attempt = 0
        })
        if (!isWanted) opened.close()
        await opened.closed
        if (isWanted) tally.closedSockets += 1
      } catch {
        tally.refusedHandshakes += 1
      }
      socket = undefined
      readyAt = Number.POSITIVE_INFINITY
      if (isWanted) await delay(Math.random() * Math.min(shortestBackOffMs * 2 ** attempt, longestBackOffMs))
    }
    clearInterval(reading)
  }

  const send = async (conversationId: string, content: string, moment: number): Promise<void> => {
    for (const id = uuidv7(); ; ) {
      try {
        while (!socket) await delay(pollMs)
        const seq = await Promise.race([socket.send(conversationId, content, id), noAnswer()])
        accepted.push({ conversationId, seq, content })
        unsent -= 1
        tally.accepted += 1
        tally.ackTimes.push(performance.now() - moment)
        return
      } catch (error) {
        const { message } = error as Error
        tally.refusedSends.set(message, (tally.refusedSends.get(message) ?? 0) + 1)
        await delay(shortestBackOffMs * (1 + Math.random()))
      }
    }
  }

  return {
    resident,
    get isReady() {
      return readyAt < Number.POSITIVE_INFINITY
    },
    get unsent() {
      return unsent
    },
    accepted,
    received,
    texts,
    come: () => {
      if (isWanted) return
      isWanted = true
      connecting = connecting.then(connect)
    },
    leave: async () => {
      while (unsent > 0) await delay(pollMs)
      isWanted = false
      socket?.close()
      await connecting
    },
    say: (conversationId, moment) => {
      said += 1
      unsent += 1
      tally.sent += 1
      const content = textAt(moment, `${number}.${said} `)
      const last = lastSends.get(conversationId) ?? Promise.resolve()
      const sent = last.then(() => send(conversationId, content, moment))
      lastSends.set(conversationId, sent)
    },
    type: conversationId => {
      if (!socket) return
      socket.tell('typing.start', { conversationId })
      tally.typed += 1
    },
    look: async () => {
      const token = await tokenFor(userId)
      const [conversationId] = [...resident.direct, ...resident.business]
      for (const path of ['/conversations', `/conversations/${conversationId}/messages`]) {
        tally.pages += 1
        await askHttp(stack, token, `GET ${path}`).catch(() => {
          tally.refusedPages += 1
        })
      }
    },
  }
}
