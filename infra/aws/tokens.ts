import { Validations } from 'aws-cdk-lib'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import type { Access } from './access.ts'
import type { Options } from './options.ts'
import type { StageSettings } from './stages.ts'

/** What tokens are verified with: a shared secret (made here, or an existing one), and where configured an issuer's public keys. */
export class Tokens extends Construct {
  readonly access: Access
  readonly secretArn: string

  constructor(scope: Construct, id: string, options: Options, settings: StageSettings) {
    super(scope, id)
    const secret = options.jwtSecretArn
      ? Secret.fromSecretCompleteArn(this, 'JwtSecret', options.jwtSecretArn)
      : this.createSecret(settings)
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

  private createSecret(settings: StageSettings): Secret {
    const secret = new Secret(this, 'JwtSecret', {
      description: 'kaha-chat: signs and verifies tokens (HS256)',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: settings.removal,
    })
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Whoever issues tokens holds the same secret, so it is replaced on both sides together, never by a timer here.',
    })
    return secret
  }
}
