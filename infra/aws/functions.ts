import { join } from 'node:path'
import { Duration, type SecretValue, Validations } from 'aws-cdk-lib'
import { type ISecurityGroup, type IVpc, SubnetType } from 'aws-cdk-lib/aws-ec2'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import { metricNamespace, serviceName } from '../../shared/platform/metric-catalogue.ts'
import type { OperatorSettings } from '../operator-settings.ts'
import type { FunctionDefinition } from '../topology.ts'
import type { Access } from './access.ts'
import { createLogGroup } from './observability.ts'
import type { StageName, StageSettings } from './stages.ts'

export interface FunctionProps {
  readonly definition: FunctionDefinition
  /** What the definition's `uses` stand for. */
  readonly access: readonly Access[]
  /** It works on a queue and sends to one that has a worker: Lambda would take a long chain of follow-up jobs for a loop, and stop it. */
  readonly chains: boolean
  /** The folder that holds a folder for each function, with its bundle. */
  readonly bundles: string
  readonly vpc: IVpc
  /** Carried by functions inside the VPC. */
  readonly functionsSecurityGroup: ISecurityGroup
  readonly stage: StageName
  readonly logMaskKey: SecretValue
  readonly operator: OperatorSettings
  readonly settings: StageSettings
}

const logLevel = ApplicationLogLevel.INFO

/**
 * One Lambda with a role of its own that may write its own log and what `access` grants. It is attached to the VPC only when
 * something it uses is there.
 */
export const createFunction = (scope: Construct, name: string, props: FunctionProps): LambdaFunction => {
  const { definition, access, settings } = props
  const logGroup = createLogGroup(scope, `${name}Logs`, settings)
  const role = new Role(scope, `${name}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
  logGroup.grantWrite(role)
  for (const { grantTo } of access) grantTo(role)

  const securityGroups = access.flatMap(each => each.securityGroups)
  if (securityGroups.length > 0) role.addToPolicy(networkInterfaces())
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: "X-Ray's actions and those by which Lambda attaches itself to a VPC can't be limited to resources.",
  })

  return new LambdaFunction(scope, name, {
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: Code.fromAsset(join(props.bundles, name), { exclude: ['*.map'] }),
    handler: 'index.handler',
    memorySize: definition.memoryMb,
    timeout: Duration.seconds(definition.timeoutSeconds),
    environment: {
      STAGE: props.stage,
      LOG_LEVEL: logLevel,
      LOG_MASK_KEY: props.logMaskKey.unsafeUnwrap(),
      POWERTOOLS_SERVICE_NAME: serviceName,
      POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
      ...props.operator,
      ...Object.assign({}, ...access.map(each => each.environment)),
    },
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    applicationLogLevelV2: logLevel,
    // Of calls that went well Lambda writes nothing, which would cost more than the calls.
    systemLogLevelV2: SystemLogLevel.WARN,
    tracing: definition.untraced ? Tracing.DISABLED : Tracing.ACTIVE,
    ...(props.chains && { recursiveLoop: RecursiveLoop.ALLOW }),
    ...(securityGroups.length > 0 && {
      vpc: props.vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      securityGroups: [props.functionsSecurityGroup, ...securityGroups],
    }),
  })
}

const networkInterfaces = () =>
  new PolicyStatement({
    actions: [
      'ec2:CreateNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:DeleteNetworkInterface',
      'ec2:AssignPrivateIpAddresses',
      'ec2:UnassignPrivateIpAddresses',
    ],
    resources: ['*'],
  })
