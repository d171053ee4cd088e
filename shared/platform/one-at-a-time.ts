/**
 * Runs pieces of work of the same name one after the other, in the order in which they came, within this process; those of
 * different names at the same time. One that fails holds up no other.
 */
export const oneAtATime = () => {
  const newest = new Map<string, Promise<unknown>>()
  return async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const before = newest.get(name)
    const mine = (async () => {
      await before?.catch(() => {})
      return work()
    })()
    newest.set(name, mine)
    try {
      return await mine
    } finally {
      if (newest.get(name) === mine) newest.delete(name)
    }
  }
}
