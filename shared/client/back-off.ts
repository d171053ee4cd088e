import type { Environment } from './environment.ts'

const firstMs = 1_000
const longestMs = 30_000

/**
 * How long to wait after so many failures in a row (1 and up): twice as long each time, half a minute at most, and never the same
 * for two clients. Where the server has said how long (`seconds`), that long at least.
 */
export const backOffMs = ({ random }: Pick<Environment, 'random'>, failures: number, seconds = 0): number =>
  seconds * 1000 + Math.min(firstMs * 2 ** (failures - 1), longestMs) * (0.5 + random() / 2)
