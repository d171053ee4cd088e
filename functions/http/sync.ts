import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { contentKeysFromEnvironment } from '../../shared/encryption/encryption.config.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { profilesFromEnvironment } from '../../shared/profiles/profiles.config.ts'
import { deliveredFromEnvironment } from '../../shared/receipts/delivered.ts'
import { ChangesQuery } from '../../shared/sync/changes.schema.ts'
import { type ChangesDeps, changesSince } from '../../shared/sync/changes.ts'
import { type HttpDeps, http, ok, route } from '../../shared/transport/http.ts'

export const createHandler = (deps: HttpDeps & ChangesDeps) =>
  http(deps, {
    'GET /sync': route({ query: ChangesQuery }, async ({ caller, query }) =>
      ok(await changesSince(deps, caller, query.since)),
    ),
  })

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    db: databaseFromEnvironment,
    delivered: deliveredFromEnvironment,
    contentKeys: contentKeysFromEnvironment,
    profiles: profilesFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
    clock: () => systemClock,
  }),
)
