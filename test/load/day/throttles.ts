import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Stack } from '../../support/stack.ts'

/** What limits of rates refused since the stack began: requests, frames and handshakes, as the functions' metric counts them. */
export const countThrottles = async ({ directory }: Pick<Stack, 'directory'>): Promise<number> => {
  let count = 0
  for await (const line of createInterface({ input: createReadStream(join(directory.logs, 'functions.log')) })) {
    if (!line.includes('"Throttles":')) continue
    const { Throttles } = JSON.parse(line.slice(line.indexOf('{'))) as { Throttles: number | number[] }
    count += [Throttles].flat().reduce((sum, value) => sum + value, 0)
  }
  return count
}
