import type { Cluster } from 'ioredis'
import { sql } from 'kysely'
import { topology } from '../../infra/topology.ts'
import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { type ServiceToken, serviceTokenFromEnvironment } from '../../shared/auth/service-token.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { type ApiDocuments, apiDocumentsFromBundle } from '../../shared/platform/api-documents.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { checkHealth } from '../../shared/platform/health.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { markChanged } from '../../shared/profiles/profile-cache.ts'
import { ProfileEvent, subjectOf } from '../../shared/profiles/profiles.schema.ts'
import { redisFromEnvironment } from '../../shared/redis/connection.ts'
import { type HttpDeps, http, noContent, ok, publicRoute, serviceRoute } from '../../shared/transport/http.ts'
import { refuseUnknown } from '../../shared/transport/unknown-path.ts'

const retryAfterSeconds = '5'

export interface PlatformDeps extends HttpDeps {
  redis: Cluster
  switchboard: Switchboard
  serviceToken: ServiceToken
  documents: ApiDocuments
}

export const createHandler = (deps: PlatformDeps) =>
  http(deps, {
    'GET /health': publicRoute(async () => ok({ status: 'ok' })),
    'GET /health/ready': publicRoute(async () => {
      const health = await checkHealth({
        postgres: () => sql`select 1`.execute(deps.db),
        redis: () => deps.switchboard.ping(),
      })
      return health.status === 'ready'
        ? ok(health)
        : { status: 503, body: health, headers: { 'retry-after': retryAfterSeconds } }
    }),
    'GET /openapi.json': publicRoute(async () => ok(await deps.documents.openApi())),
    'GET /asyncapi.json': publicRoute(async () => ok(await deps.documents.asyncApi())),
    'POST /internal/profile-events': serviceRoute(deps, { body: ProfileEvent }, async event => {
      await markChanged(deps.redis, subjectOf(event))
      return noContent()
    }),
    $default: publicRoute(async event => refuseUnknown(topology.httpRoutes, event.requestContext.http)),
  })

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    db: databaseFromEnvironment,
    redis: redisFromEnvironment,
    switchboard: switchboardFromEnvironment,
    serviceToken: serviceTokenFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
    documents: apiDocumentsFromBundle,
    clock: () => systemClock,
  }),
)
