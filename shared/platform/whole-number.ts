import * as z from 'zod'

/** A number in a query: digits and nothing else. JavaScript would also take ``, ` 7`, `0x10` and `1e2` for numbers. */
export const wholeNumber = <Range extends z.ZodType<number, number>>(range: Range) =>
  z.string().regex(/^\d+$/, { error: 'Digits only' }).transform(Number).pipe(range)
