import { Validations } from 'aws-cdk-lib'
import type { Alarm } from 'aws-cdk-lib/aws-cloudwatch'
import { LambdaApplication, LambdaDeploymentConfig, LambdaDeploymentGroup } from 'aws-cdk-lib/aws-codedeploy'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { Alias } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'

export interface DeploymentsProps {
  readonly aliases: Readonly<Record<string, Alias>>
  /** What must not begin while a function's new version has a part of its calls. */
  readonly alarmsOf: (functionName: string) => Alarm[]
}

/**
 * Gives the new version of a function a tenth of its calls, and all of them ten minutes later, unless an alarm begins: then the
 * version before has all of them again, and the deployment of the stack fails and rolls back.
 */
export class Deployments extends Construct {
  constructor(scope: Construct, id: string, { aliases, alarmsOf }: DeploymentsProps) {
    super(scope, id)
    const application = new LambdaApplication(this, 'Application')
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('codedeploy.amazonaws.com') })
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited]',
      reason: 'What CodeDeploy needs to move the aliases of functions, as AWS keeps it; it may call no function.',
    })
    for (const [name, alias] of Object.entries(aliases)) {
      new LambdaDeploymentGroup(this, name, {
        application,
        alias,
        role,
        deploymentConfig: LambdaDeploymentConfig.CANARY_10PERCENT_10MINUTES,
        alarms: alarmsOf(name),
        autoRollback: { deploymentInAlarm: true, failedDeployment: true, stoppedDeployment: true },
      })
    }
  }
}
