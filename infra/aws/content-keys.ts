import { Duration } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { Access } from './access.ts'
import type { StageName, StageSettings } from './stages.ts'

/**
 * The key that wraps the data keys of messages. It is not that of the stores: who may read a store may not read what is in it.
 * Functions unwrap with it; only the rotation and the migration have new data keys made. Both ask by the stage, which is the
 * encryption context.
 */
export class ContentKeys extends Construct {
  /** To read and write messages. */
  readonly access: Access
  /** To make new data keys, besides. */
  readonly rotationAccess: Access

  constructor(scope: Construct, id: string, { stage, settings }: { stage: StageName; settings: StageSettings }) {
    super(scope, id)
    const key = new Key(this, 'Key', {
      description: `kaha-chat ${stage}: wraps the data keys of messages`,
      enableKeyRotation: true,
      pendingWindow: settings.protected ? Duration.days(30) : Duration.days(7),
      removalPolicy: settings.removal,
    })
    const accessBy = (...actions: string[]): Access => ({
      environment: { CONTENT_KMS_KEY_ARN: key.keyArn },
      securityGroups: [],
      grantTo: role => {
        role.addToPolicy(
          new PolicyStatement({
            actions,
            resources: [key.keyArn],
            conditions: {
              StringEquals: { 'kms:EncryptionContext:service': 'kaha-chat', 'kms:EncryptionContext:stage': stage },
            },
          }),
        )
      },
    })
    this.access = accessBy('kms:Decrypt')
    this.rotationAccess = accessBy('kms:Decrypt', 'kms:GenerateDataKeyWithoutPlaintext')
  }
}
