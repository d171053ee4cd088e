import { sql } from 'kysely'
import { topology } from '../../infra/topology.ts'
import { createAudit } from '../../shared/audit/audit.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { type Switchboard, switchboardFromEnvironment } from '../../shared/delivery/switchboard.ts'
import { type ApiDocuments, apiDocumentsFromBundle } from '../../shared/platform/api-documents.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { checkHealth } from '../../shared/platform/health.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { type HttpDeps, http, ok, publicRoute } from '../../shared/transport/http.ts'
import { refuseUnknown } from '../../shared/transport/unknown-path.ts'

const retryAfterSeconds = '5'

export const createHandler = (deps: HttpDeps & { switchboard: Switchboard; documents: ApiDocuments }) =>
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
    $default: publicRoute(async event => refuseUnknown(topology.httpRoutes, event.requestContext.http)),
  })

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    db: databaseFromEnvironment,
    switchboard: switchboardFromEnvironment,
    audit: createAudit,
    documents: apiDocumentsFromBundle,
    clock: () => systemClock,
  }),
)
