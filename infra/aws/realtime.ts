import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { CfnAccount } from 'aws-cdk-lib/aws-apigateway'
import { LogGroupLogDestination, WebSocketApi, WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2'
import { WebSocketLambdaAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers'
import { WebSocketLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import type { Topology } from '../topology.ts'
import type { Access } from './access.ts'
import { createLogGroup, webSocketAccessLogFormat } from './observability.ts'
import type { StageSettings } from './stages.ts'

export interface RealtimeProps {
  readonly accountRole: boolean
  readonly settings: StageSettings
}

/** The WebSocket API. Its address goes into the functions' environment, so it is made before them, and its routes after. */
export class Realtime extends Construct {
  readonly url: string
  /** To push to sockets and to close them. */
  readonly access: Access
  /** To say where sockets are opened. */
  readonly address: Access
  readonly stage: WebSocketStage
  private readonly api: WebSocketApi

  constructor(scope: Construct, id: string, { accountRole, settings }: RealtimeProps) {
    super(scope, id)
    this.api = new WebSocketApi(this, 'WebSocketApi', {
      description: 'kaha-chat over WebSocket',
      routeSelectionExpression: '$request.body.action',
    })
    Validations.of(this.api).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'A WebSocket API authorizes $connect alone; that decision and its context hold for every frame of the connection.',
    })
    this.stage = new WebSocketStage(this, 'Stage', {
      webSocketApi: this.api,
      stageName: 'v1',
      autoDeploy: true,
      throttle: settings.throttle.webSocket,
      accessLogSettings: {
        destination: new LogGroupLogDestination(createLogGroup(this, 'AccessLogs', settings)),
        format: webSocketAccessLogFormat,
      },
    })
    // So the first deployment takes no handshake before there is a migrated database behind every route.
    this.stage.node.addDependency(this.api)
    if (accountRole) this.stage.node.addDependency(this.createAccountRole())
    this.url = this.stage.url
    this.address = { environment: { WEBSOCKET_URL: this.stage.url }, securityGroups: [], grantTo: () => {} }
    this.access = {
      environment: { WEBSOCKET_API_ENDPOINT: this.stage.callbackUrl },
      securityGroups: [],
      grantTo: role => {
        this.stage.grantManagementApiAccess(role)
        const api = Stack.of(this).resolve(this.api.apiId).Ref
        Validations.of(role).acknowledge({
          id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:execute-api:<AWS::Region>:<AWS::AccountId>:<${api}>/${this.stage.stageName}/*/@connections/*]`,
          reason:
            'A function pushes to whatever connections there are: their ids are made by the gateway while it runs.',
        })
      },
    }
  }

  addRoutes(topology: Topology, functionNamed: (name: string) => IFunction): void {
    // A handshake without a token is refused with 401 by the gateway, without a call.
    const authorizer = new WebSocketLambdaAuthorizer('Authorizer', functionNamed(topology.webSocketAuthorizer), {
      identitySource: ['route.request.querystring.token'],
    })
    for (const { key, function: name, twoWay } of topology.webSocketRoutes) {
      this.api.addRoute(key, {
        integration: new WebSocketLambdaIntegration(`${key}Integration`, functionNamed(name)),
        returnResponse: twoWay,
        ...(key === '$connect' && { authorizer }),
      })
    }
  }

  /**
   * A WebSocket stage can't log before the account's region has this role. The setting is one for all APIs of that region, so it
   * outlives the stack.
   */
  private createAccountRole(): CfnAccount {
    const role = new Role(this, 'ApiGatewayLogs', {
      assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonAPIGatewayPushToCloudWatchLogs')],
    })
    Validations.of(role).acknowledge({
      id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      reason: 'The role serves every API of the region, and API Gateway asks for exactly this policy.',
    })
    role.applyRemovalPolicy(RemovalPolicy.RETAIN)
    const account = new CfnAccount(this, 'ApiGatewayAccount', { cloudWatchRoleArn: role.roleArn })
    account.applyRemovalPolicy(RemovalPolicy.RETAIN)
    return account
  }
}
