import { Construct } from 'constructs'
import type { Access } from './access.ts'
import type { Options } from './options.ts'
import { sharedSecret } from './shared-secret.ts'
import type { StageSettings } from './stages.ts'

/** What tokens are verified with: a shared secret (made here, or an existing one), and where configured an issuer's public keys. */
export class Tokens extends Construct {
  readonly access: Access
  readonly secretArn: string

  constructor(scope: Construct, id: string, options: Options, settings: StageSettings) {
    super(scope, id)
    const secret = sharedSecret(this, 'JwtSecret', {
      arn: options.jwtSecretArn,
      description: 'signs and verifies tokens (HS256)',
      settings,
    })
    this.secretArn = secret.secretArn
    this.access = {
      environment: {
        JWT_SECRET_ARN: secret.secretArn,
        ...(options.jwtJwksUrl && { JWT_JWKS_URL: options.jwtJwksUrl }),
        ...(options.jwtIssuer && { JWT_ISSUER: options.jwtIssuer }),
        ...(options.jwtAudience && { JWT_AUDIENCE: options.jwtAudience }),
      },
      securityGroups: [],
      grantTo: role => secret.grantRead(role),
    }
  }
}
