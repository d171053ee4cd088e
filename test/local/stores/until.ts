import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until the answer is yes; fails after `timeoutMs`. */
export const until = async (
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> => {
  const deadline = Date.now() + timeoutMs
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`)
    await delay(20)
  }
}
