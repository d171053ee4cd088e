import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { presenceFromEnvironment } from '../../shared/presence/presence.config.ts'
import { PresenceQuery } from '../../shared/presence/presence.schema.ts'
import { getPresence, type ReadPresenceDeps } from '../../shared/presence/presence.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { type HttpDeps, http, ok, route } from '../../shared/transport/http.ts'

export const createHandler = (deps: HttpDeps & ReadPresenceDeps) =>
  http(deps, {
    'GET /presence': route({ query: PresenceQuery }, async ({ caller, query }) =>
      ok(await getPresence(deps, caller, query.userIds)),
    ),
  })

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    presence: presenceFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
    clock: () => systemClock,
  }),
)
