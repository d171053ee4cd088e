import { auditFromEnvironment } from '../../shared/audit/audit.ts'
import { ticketsFromEnvironment } from '../../shared/auth/tickets.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { limitsFromEnvironment } from '../../shared/limits/limits.config.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { type AuthorizerDeps, authorizer } from '../../shared/transport/authorizer.ts'

export const createHandler = (deps: AuthorizerDeps) => authorizer(deps)

export const handler = createHandler(
  runtime({
    tokens: tokenVerifierFromEnvironment(systemClock),
    tickets: ticketsFromEnvironment(systemClock),
    limits: limitsFromEnvironment,
    audit: auditFromEnvironment,
  }),
)
