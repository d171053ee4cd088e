import { Duration, Stack } from 'aws-cdk-lib'
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { StageName, StageSettings } from './stages.ts'

export interface AlarmTopicProps {
  readonly stage: StageName
  readonly settings: StageSettings
  /** Each gets a mail that asks to confirm, and then one for every alarm. */
  readonly emails: readonly string[]
}

/**
 * Where alarms are told. Encrypted with a key of its own: CloudWatch must be allowed to use it, because without that it drops
 * what it has to tell without a word, and it has no business with the key of the stores.
 */
export class AlarmTopic extends Construct {
  readonly topic: Topic

  constructor(scope: Construct, id: string, { stage, settings, emails }: AlarmTopicProps) {
    super(scope, id)
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
    })
    const key = new Key(this, 'Key', {
      description: `kaha-chat ${stage}: alarms`,
      enableKeyRotation: true,
      pendingWindow: Duration.days(7),
      removalPolicy: settings.removal,
    })
    key.grant(cloudWatch, 'kms:Decrypt', 'kms:GenerateDataKey*')
    this.topic = new Topic(this, 'Topic', {
      displayName: `kaha-chat ${stage}`,
      masterKey: key,
      enforceSSL: true,
    })
    this.topic.grantPublish(cloudWatch)
    for (const email of emails) this.topic.addSubscription(new EmailSubscription(email))
  }
}
