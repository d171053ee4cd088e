import { type TokenVerifier, tokenVerifierFromEnvironment } from '../../shared/auth/tokens.ts'
import { systemClock } from '../../shared/platform/clock.ts'
import { runtime } from '../../shared/platform/runtime.ts'
import { authorizer } from '../../shared/transport/authorizer.ts'

export const createHandler = (deps: { tokens: TokenVerifier }) => authorizer(deps)

export const handler = createHandler(runtime({ tokens: tokenVerifierFromEnvironment(systemClock) }))
