import { ticketsFromEnvironment } from '../../shared/auth/tickets.ts'
import { tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { type AuthorizerDeps, authorizer } from '../../shared/transport/authorizer.ts'

export const createHandler = (deps: AuthorizerDeps) => authorizer(deps)

export const handler = createHandler(
  runtime({ tokens: tokenVerifierFromEnvironment(systemClock), tickets: ticketsFromEnvironment(systemClock) }),
)
