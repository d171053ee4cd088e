import * as z from 'zod'

/**
 * Text that Postgres and UTF-8 can hold as it is: Unicode without lone surrogates (contract: they are 400, never replaced).
 */
export const wellFormed = z
  .string()
  .refine(text => text.isWellFormed(), { error: 'A lone surrogate is not Unicode', abort: true })
