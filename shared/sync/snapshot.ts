import * as z from 'zod'

/**
 * Which transactions had committed at a moment, as Postgres writes a `pg_snapshot`: `xmin:xmax:running`. All below `xmin` had,
 * none from `xmax` on, and of those between them all but the running ones.
 */
export type Snapshot = string

export const newestOf = (snapshot: Snapshot): number => Number(snapshot.split(':')[1])

/**
 * A snapshot as the distances between its numbers, lowest first. Those that were running lie close together, so this keeps a
 * token short enough for a URL when many were: 1,000 take some 3 KB.
 */
export const packSnapshot = (snapshot: Snapshot): number[] => {
  const [xmin, xmax, running] = snapshot.split(':')
  const ids = [xmin, ...(running ? running.split(',') : []), xmax].map(Number)
  return ids.map((id, index) => id - (ids[index - 1] ?? 0))
}

/** Back again. What Postgres would not read as a snapshot does not parse. */
export const PackedSnapshot = z.array(z.int().min(0)).transform((distances, context): Snapshot => {
  const ids: number[] = []
  for (const distance of distances) ids.push((ids.at(-1) ?? 0) + distance)
  const [xmin = 0, ...running] = ids
  const xmax = running.pop()
  // The first that runs may be `xmin` itself; after it each number is higher.
  const isAscending = distances.slice(2).every(distance => distance > 0)
  if (xmin < 1 || xmax === undefined || !Number.isSafeInteger(xmax) || !isAscending) {
    context.issues.push({ code: 'custom', message: 'Not a snapshot', input: distances })
    return z.NEVER
  }
  return `${xmin}:${xmax}:${running.join(',')}`
})
