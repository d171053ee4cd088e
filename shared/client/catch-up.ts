import { backOffMs } from './back-off.ts'
import type { Connection } from './connection.ts'
import { type Environment, pause } from './environment.ts'
import type { Http } from './http.ts'
import { asChatProblem, type ChatProblem, unreachable } from './problem.ts'
import type { Behind } from './sequences.ts'
import type { ConversationPage, SyncCompleted } from './service.ts'
import type { Store } from './store.ts'

/** In one sync, and in one page of a list. */
const maxConversations = 100
const pageSize = 100
/** Longer than a sync takes that brings everything which one may bring. */
const syncTimeoutMs = 60_000

/** Finds out what was missed, on each new connection and wherever there is a gap, and gets it. */
export interface CatchUp {
  /** There is a new connection: brings everything up to date, and tries until it is or the connection ends. */
  resume(): void
  /** There is none. */
  suspend(): void
  /** Something is missing in a conversation. */
  gap(): void
  completed(data: SyncCompleted): void
}

export interface CatchUpListener {
  /** Nothing is missing any more. */
  done(): void
  failed(problem: ChatProblem): void
}

export const createCatchUp = (
  environment: Environment,
  { http, connection, store }: { http: Pick<Http, 'requestOnce'>; connection: Pick<Connection, 'ask'>; store: Store },
  listener: CatchUpListener,
): CatchUp => {
  const { sequences } = store
  /** For `GET /sync`: everything is known that was there when it was given. */
  let token: string | undefined
  /** Ends whatever belongs to a connection together with it. */
  let life = new AbortController()
  let isWorking = false
  let mustLoad = false
  let mustRepair = false
  /** Of these conversations nobody has told what has changed. */
  let unchecked: ReadonlySet<string> = new Set()
  let syncing: { resolve: (data: SyncCompleted) => void; reject: (problem: ChatProblem) => void } | undefined

  const loadAll = async (signal: AbortSignal): Promise<void> => {
    const { next } = await http.requestOnce(signal, 'GET /sync')
    let cursor: string | null | undefined
    do {
      const query = { limit: pageSize, ...(cursor && { cursor }) }
      const page: ConversationPage = await http.requestOnce(signal, 'GET /conversations', { query })
      for (const view of page.items) store.adopt(view)
      cursor = page.nextCursor
    } while (cursor)
    token = next
  }
  const loadChanges = async (signal: AbortSignal): Promise<void> => {
    for (let hasMore = true; hasMore; ) {
      const changes = await http.requestOnce(signal, 'GET /sync', { query: { since: token } })
      store.apply(changes)
      token = changes.next
      hasMore = changes.hasMore
    }
  }
  const load = async (signal: AbortSignal): Promise<void> => {
    try {
      await (token === undefined ? loadAll(signal) : loadChanges(signal))
    } catch (error) {
      if (asChatProblem(error).code !== 'sync_token_expired') throw error
      token = undefined
      // Lists do not have those that the user manages for a business.
      unchecked = new Set(sequences.positions().map(({ id }) => id))
      await loadAll(signal)
    }
  }

  const sync = (conversations: Behind[]): Promise<SyncCompleted> =>
    new Promise((resolve, reject) => {
      const ended =
        <Outcome>(settle: (outcome: Outcome) => void) =>
        (outcome: Outcome) => {
          cancel()
          syncing = undefined
          settle(outcome)
        }
      const asked = { resolve: ended(resolve), reject: ended(reject) }
      const cancel = environment.after(syncTimeoutMs, () => asked.reject(unreachable('The sync did not end')))
      syncing = asked
      connection.ask('sync', { conversations }).catch(asked.reject)
    })

  /**
   * A frame of a sync may be lost on the way although its end is told, so a gap in what has come does not show that there is
   * nothing. The answer to a request does.
   */
  const fill = async (signal: AbortSignal, id: string, throughSeq: number): Promise<void> => {
    const sequence = sequences.of(id)
    while (sequence && sequence === sequences.of(id) && sequence.through < throughSeq) {
      const options = { params: { id }, query: { after: sequence.through, limit: pageSize } }
      const { items, hasMore } = await http.requestOnce(signal, 'GET /conversations/{id}/messages', options)
      store.take(id, items)
      sequence.settle(hasMore ? (items.at(-1)?.seq ?? throughSeq) : throughSeq)
    }
  }

  const missing = (): Behind[] => {
    const rest = sequences.positions().filter(({ id }) => unchecked.has(id))
    return [...new Map([...sequences.behind(), ...rest].map(behind => [behind.id, behind])).values()]
  }
  const repair = async (signal: AbortSignal): Promise<void> => {
    let wanted = missing()
    while (wanted.length > 0) {
      const some = wanted.slice(0, maxConversations)
      wanted = wanted.slice(maxConversations)
      const { conversations } = await sync(some)
      for (const { id, throughSeq, hasMore } of conversations) {
        await fill(signal, id, throughSeq)
        if (hasMore) wanted.push({ id, afterSeq: throughSeq })
      }
      const told = new Set(conversations.map(({ id }) => id))
      for (const { id } of some) if (!told.has(id)) void store.load(id)
    }
    unchecked = new Set()
  }

  /** One at a time; it ends when there is nothing left to do, or its connection has ended. */
  const work = async (signal: AbortSignal): Promise<void> => {
    isWorking = true
    for (let failures = 0; mustLoad || mustRepair; ) {
      try {
        if (mustLoad) await load(signal)
        mustLoad = false
        mustRepair = false
        await repair(signal)
        failures = 0
        if (!signal.aborted) listener.done()
      } catch (error) {
        if (signal.aborted) return
        const problem = asChatProblem(error)
        mustRepair = true
        failures += 1
        if (!problem.isRetryable) listener.failed(problem)
        await pause(environment, backOffMs(environment, failures, problem.retryAfterSeconds), signal)
      }
      if (signal.aborted) return
    }
    isWorking = false
  }

  return {
    resume: () => {
      life = new AbortController()
      mustLoad = true
      void work(life.signal)
    },
    suspend: () => {
      life.abort()
      syncing?.reject(unreachable('The connection was closed'))
    },
    gap: () => {
      mustRepair = true
      if (!isWorking && !life.signal.aborted) void work(life.signal)
    },
    completed: data => syncing?.resolve(data),
  }
}
