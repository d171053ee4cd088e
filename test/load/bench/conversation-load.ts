import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type ChatSocket, openChatSocket } from './chat-socket.ts'
import { momentIn, textAt } from './message-text.ts'
import { perThousand } from './processor-time.ts'
import { latencyFigures } from './statistics.ts'
import type { Figures, Target } from './target.ts'

const settleMs = 15_000
const pollMs = 20

interface Room {
  conversationId: string
  sender: ChatSocket
  listeners: ChatSocket[]
  /** The `seq` of each message that was acknowledged. */
  acknowledged: number[]
}

const openRoom = async (target: Target, size: number): Promise<Room> => {
  const userIds = Array.from({ length: size }, () => randomUUID())
  const conversationId = await target.openConversation(userIds)
  const sockets = await Promise.all(userIds.map(async userId => openChatSocket(await target.socketUrl(userId))))
  await Promise.all(sockets.map(({ ready }) => ready))
  const [sender, ...listeners] = sockets
  if (!sender) throw new Error('A room needs users')
  return { conversationId, sender, listeners, acknowledged: [] }
}

interface Load {
  rooms: Room[]
  ackTimes: number[]
  deliveryTimes: number[]
}

const send = async ({ ackTimes }: Load, room: Room, moment: number): Promise<void> => {
  room.acknowledged.push(await room.sender.send(room.conversationId, textAt(moment)))
  ackTimes.push(performance.now() - moment)
}

/** Every acknowledged message has arrived once with everybody, and their numbers have no gap. */
const check = async ({ rooms }: Load): Promise<{ overtaken: number; repeated: number }> => {
  const missing = () =>
    rooms.flatMap(({ conversationId, listeners, acknowledged }) =>
      listeners.map(({ received }) => acknowledged.length - (received.get(conversationId)?.seqs.size ?? 0)),
    )
  const deadline = performance.now() + settleMs
  while (missing().some(count => count !== 0) && performance.now() < deadline) await delay(pollMs)
  const lost = missing().reduce((sum, count) => sum + Math.abs(count), 0)
  if (lost > 0) throw new Error(`${lost} messages were lost, or came without having been acknowledged`)
  for (const { acknowledged } of rooms) {
    const sorted = acknowledged.toSorted((a, b) => a - b)
    if (sorted.some((seq, index) => seq !== index + 1)) throw new Error('There is a gap between the numbers')
  }
  const received = rooms.flatMap(({ conversationId, listeners }) =>
    listeners.flatMap(listener => listener.received.get(conversationId) ?? []),
  )
  return {
    overtaken: received.reduce((sum, { overtaken }) => sum + overtaken, 0),
    repeated: received.reduce((sum, { repeated }) => sum + repeated, 0),
  }
}

/** Sends to one of so many rooms by the function that it is given, which resolves with the acknowledgement. */
export type Work = (rooms: number, send: (room: number, moment: number) => Promise<void>) => Promise<void>

/**
 * Messages come at a fixed rate whatever became of those before, and their times count from the moment at which they were due: so
 * a pause of the server shows in all that came while it lasted.
 */
export const atRate =
  (perSecond: number, seconds: number): Work =>
  async (rooms, send) => {
    const startedAt = performance.now()
    const sends: Promise<void>[] = []
    for (let number = 0; number < perSecond * seconds; number += 1) {
      const due = startedAt + (number * 1_000) / perSecond
      const early = due - performance.now()
      if (early > 1) await delay(early)
      sends.push(send(number % rooms, due))
    }
    await Promise.all(sends)
  }

/** Puts a load on rooms of this size and tells what came of it. */
export const conversationLoad = async (
  target: Target,
  { rooms: count, size }: { rooms: number; size: number },
  work: Work,
): Promise<Figures> => {
  const rooms: Room[] = []
  // A few at a time: opening them is not what is measured.
  for (let start = 0; start < count; start += 10) {
    const some = Array.from({ length: Math.min(10, count - start) }, () => openRoom(target, size))
    rooms.push(...(await Promise.all(some)))
  }
  const load: Load = { rooms, ackTimes: [], deliveryTimes: [] }
  for (const listener of rooms.flatMap(({ listeners }) => listeners)) {
    listener.onMessage = (_conversationId, _seq, content) =>
      void load.deliveryTimes.push(performance.now() - momentIn(content))
  }
  try {
    const before = target.processorTime()
    const startedAt = performance.now()
    await work(count, async (index, moment) => {
      const room = rooms[index]
      if (room) await send(load, room, moment)
    })
    const seconds = (performance.now() - startedAt) / 1_000
    const after = target.processorTime()
    const { overtaken, repeated } = await check(load)
    const pieces = size > 2 ? load.deliveryTimes.length : load.ackTimes.length
    return {
      'messages/s': load.ackTimes.length / seconds,
      ...(size > 2 && { 'deliveries/s': load.deliveryTimes.length / seconds }),
      ...latencyFigures('ack', load.ackTimes),
      ...latencyFigures('delivered', load.deliveryTimes),
      ...perThousand(before, after, pieces),
      overtaken,
      repeated,
    }
  } finally {
    const sockets = rooms.flatMap(({ sender, listeners }) => [sender, ...listeners])
    for (const socket of sockets) socket.close()
    await Promise.all(sockets.map(({ closed }) => closed))
  }
}
