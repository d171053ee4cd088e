import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import type { Access } from './access.ts'
import type { Options } from './options.ts'
import { sharedSecret } from './shared-secret.ts'
import type { StageSettings } from './stages.ts'

/** The rest of the platform: the main service that is asked for profiles, and the token by which services call this one. */
export class Platform extends Construct {
  readonly profiles: Access
  readonly serviceToken: Access
  readonly profileApiTokenArn: string
  readonly serviceTokenArn: string

  constructor(scope: Construct, id: string, options: Options, settings: StageSettings) {
    super(scope, id)
    const profileApiToken = sharedSecret(this, 'ProfileApiToken', {
      arn: options.profileApiTokenArn,
      description: 'shows the main service who asks it for profiles',
      settings,
    })
    const serviceToken = sharedSecret(this, 'ServiceToken', {
      arn: options.serviceTokenArn,
      description: "shows that one of the platform's services calls",
      settings,
    })
    this.profileApiTokenArn = profileApiToken.secretArn
    this.serviceTokenArn = serviceToken.secretArn
    this.profiles = accessTo(profileApiToken, {
      PROFILE_API_TOKEN_ARN: profileApiToken.secretArn,
      ...(options.profileApiUrl && { PROFILE_API_URL: options.profileApiUrl }),
    })
    this.serviceToken = accessTo(serviceToken, { SERVICE_TOKEN_ARN: serviceToken.secretArn })
  }
}

const accessTo = (secret: ISecret, environment: Access['environment']): Access => ({
  environment,
  securityGroups: [],
  grantTo: role => secret.grantRead(role),
})
