import * as z from 'zod'
import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import type { Ticket } from '../../shared/auth/tickets.schema.ts'
import { type Tickets, ticketsFromEnvironment } from '../../shared/auth/tickets.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { databaseFromEnvironment } from '../../shared/database/connection.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { readConfig } from '../../shared/platform/config.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { created, type HttpDeps, http, route } from '../../shared/transport/http.ts'

const RealtimeConfig = z.object({ WEBSOCKET_URL: z.url({ protocol: /^wss?$/ }) })

export interface RealtimeDeps extends HttpDeps {
  tickets: Tickets
  webSocketUrl: string
}

export const createHandler = (deps: RealtimeDeps) =>
  http(deps, {
    'POST /realtime/ticket': route({}, async ({ caller }) => {
      const { ticket, expiresAt } = await deps.tickets.issue(caller)
      const url = `${deps.webSocketUrl}?token=${ticket}`
      return created({ ticket, expiresAt: expiresAt.toISOString(), url } satisfies Ticket)
    }),
  })

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    tickets: ticketsFromEnvironment(systemClock),
    webSocketUrl: () => readConfig(RealtimeConfig).WEBSOCKET_URL,
    db: databaseFromEnvironment,
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
    clock: () => systemClock,
  }),
)
