/** The value below which this share (0 to 1) of the values lies; NaN of none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const median = (values: readonly number[]): number => percentile(values, 0.5)

/** Of times in milliseconds, under names that begin with `name`. */
export const latencyFigures = (name: string, times: readonly number[]): Record<string, number> => ({
  [`${name} p50 ms`]: percentile(times, 0.5),
  [`${name} p99 ms`]: percentile(times, 0.99),
})
