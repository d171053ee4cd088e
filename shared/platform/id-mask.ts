import { createHmac } from 'node:crypto'

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi

/**
 * What stands for an id in the log of a day (UTC): the same in every line of that day, another one on the next, and nobody without
 * the key can tell whose it is.
 */
export const maskOf = (key: string, id: string, time: Date): string => {
  const day = time.toISOString().slice(0, 10)
  return `~${createHmac('sha256', key).update(`${day} ${id.toLowerCase()}`).digest('base64url').slice(0, 12)}`
}

/** The text with every UUID in it masked. */
export const maskIds = (key: string, text: string, time: Date): string =>
  text.replace(uuids, id => maskOf(key, id, time))
