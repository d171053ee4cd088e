import * as z from 'zod'

export const DatabaseConfig = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  DATABASE_AUTH: z.enum(['url', 'iam', 'secret']).default('url'),
  DATABASE_SECRET_ARN: z.string().optional(),
  DATABASE_TLS: z.enum(['off', 'public-ca', 'rds-ca']).default('off'),
  /** An environment serves few requests at once on Lambda, many on the local host. */
  DATABASE_POOL_MAX: z.coerce.number().int().min(1).max(100).default(2),
  /** RDS Proxy pins a connection on a named statement; without a proxy a name saves parsing and planning. */
  DATABASE_STATEMENTS: z.enum(['named', 'unnamed']).default('unnamed'),
})
export type DatabaseConfig = z.output<typeof DatabaseConfig>
