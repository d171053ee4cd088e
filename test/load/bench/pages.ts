import { Agent, get } from 'node:http'
import { forPieces, forSeconds, type HowLong } from './how-long.ts'
import { perThousand } from './processor-time.ts'
import { latencyFigures } from './statistics.ts'
import type { Figures, PageRequest, Scenario, Target, WarmUp } from './target.ts'

const connections = 16
const agent = new Agent({ keepAlive: true, maxSockets: connections })

const load = ({ url, headers }: PageRequest): Promise<number> =>
  new Promise((resolve, reject) => {
    get(url, { agent, headers }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text).items.length)
        else reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 200)}`))
      })
    }).on('error', reject)
  })

/** Loads pages over 16 connections for so long; each must hold 50 items. */
const loadPages = async (
  target: Target,
  nextPage: (number: number) => Promise<PageRequest>,
  howLong: HowLong,
): Promise<Figures> => {
  const times: number[] = []
  const before = target.processorTime()
  const startedAt = performance.now()
  const goesOn = howLong()
  let number = 0
  const reader = async () => {
    while (goesOn()) {
      number += 1
      const page = await nextPage(number)
      const sentAt = performance.now()
      const items = await load(page)
      times.push(performance.now() - sentAt)
      if (items !== 50) throw new Error(`${page.url} has ${items} items instead of 50`)
    }
  }
  await Promise.all(Array.from({ length: connections }, reader))
  return {
    'pages/s': (times.length * 1_000) / (performance.now() - startedAt),
    ...latencyFigures('page', times),
    ...perThousand(before, target.processorTime(), times.length),
  }
}

/** What an idle machine of two cores does in three seconds, or six of lists. */
const warmUpPages = 1_500

/** Of one page again and again, so that all others are as cold afterwards as before. */
const warmUpPage =
  (pageOf: (target: Target, userId: string, conversationId: string) => Promise<PageRequest>): WarmUp =>
  async target => {
    const reader = (await target.filled()).readers.at(-1)
    const page = await pageOf(target, reader?.userId ?? '', reader?.conversationIds.at(-1) ?? '')
    await loadPages(target, async () => page, forPieces(warmUpPages))
  }
const warmUpHistory = warmUpPage((target, userId, conversationId) => target.historyRequest(userId, conversationId))
const warmUpList = warmUpPage((target, userId) => target.listRequest(userId))

/** `cold` asks for each of very many pages once, `warm` for the same ones again and again. */
export const pageScenarios = (seconds: number): Scenario[] => {
  const both = ['service', 'floor'] as const
  const history = (name: string, distinct: number): Scenario => ({
    name: `history, 50 newest of 1,000,000, ${name}`,
    targets: both,
    warmUp: warmUpHistory,
    run: async target => {
      const { readers } = await target.filled()
      return loadPages(
        target,
        async number => {
          const reader = readers[number % readers.length]
          const conversationId = reader?.conversationIds[number % Math.min(distinct, reader.conversationIds.length)]
          return target.historyRequest(reader?.userId ?? '', conversationId ?? '')
        },
        forSeconds(seconds),
      )
    },
  })
  const list = (name: string, distinct: number): Scenario => ({
    name: `list, 50 conversations, ${name}`,
    targets: both,
    warmUp: warmUpList,
    run: async target => {
      const { readers } = await target.filled()
      return loadPages(
        target,
        async number => target.listRequest(readers[number % Math.min(distinct, readers.length)]?.userId ?? ''),
        forSeconds(seconds),
      )
    },
  })
  const many = Number.POSITIVE_INFINITY
  return [history('cold', many), history('warm', 1), list('cold', many), list('warm', 1)]
}
