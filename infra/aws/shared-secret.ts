import { Validations } from 'aws-cdk-lib'
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import type { StageSettings } from './stages.ts'

export interface SharedSecretProps {
  /** Of an existing secret, to be used instead of a new one. */
  readonly arn: string | undefined
  readonly description: string
  readonly settings: StageSettings
}

/** A secret that another service of the platform holds as well. A new one has 64 characters. */
export const sharedSecret = (
  scope: Construct,
  id: string,
  { arn, description, settings }: SharedSecretProps,
): ISecret => {
  if (arn) return Secret.fromSecretCompleteArn(scope, id, arn)
  const secret = new Secret(scope, id, {
    description: `kaha-chat: ${description}`,
    generateSecretString: { passwordLength: 64, excludePunctuation: true },
    removalPolicy: settings.removal,
  })
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason: 'Another service holds the same secret, so it is replaced on both sides together, never by a timer here.',
  })
  // The library's class says `undefined` where its interface says "absent", which strict TypeScript tells apart.
  return secret as ISecret
}
