/**
 * What encrypting and decrypting a message costs in CPU time, and that of the JSON it is made of: for a short message, one of
 * ordinary length, and the longest. Runs for some ten seconds on one core; the median of several rounds is shown.
 */
import { createSecretKey, randomBytes } from 'node:crypto'
import { v7 } from 'uuid'
import { type MessageBody, openBody, sealBody } from '../../shared/messages/message-body.ts'
import { median } from './bench/statistics.ts'

const rounds = 15
const perRound = 5_000

const key = createSecretKey(randomBytes(32))
const place = { id: v7(), conversation_id: v7() }
const messages: [string, MessageBody][] = [
  ['a word', { content: 'Yes', metadata: null }],
  ['100 characters', { content: 'x'.repeat(100), metadata: null }],
  ['100 characters and 2 KB of metadata', { content: 'x'.repeat(100), metadata: { note: 'y'.repeat(2_000) } }],
  ['4,000 characters', { content: 'नमस्ते दोस्त '.repeat(308).slice(0, 4_000), metadata: null }],
]

/** Of the process, its garbage collection included, in microseconds for each call. */
const cpuTimeOf = (work: () => unknown): number => {
  const before = process.cpuUsage()
  for (let n = 0; n < perRound; n += 1) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / perRound
}

const medianOf = (work: () => unknown): string =>
  median(Array.from({ length: rounds }, () => cpuTimeOf(work))).toFixed(1)

for (const [name, body] of messages) {
  const sealed = sealBody(key, place, body)
  const json = JSON.stringify([body.content, body.metadata])
  medianOf(() => openBody(key, place, sealBody(key, place, body)))
  console.log(
    `${name}: ${sealed.length} bytes stored; encrypt ${medianOf(() => sealBody(key, place, body))} µs, ` +
      `decrypt ${medianOf(() => openBody(key, place, sealed))} µs; of that JSON ` +
      `${medianOf(() => JSON.stringify([body.content, body.metadata]))} and ${medianOf(() => JSON.parse(json))} µs`,
  )
}
