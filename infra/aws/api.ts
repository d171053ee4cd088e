import { Duration, Validations } from 'aws-cdk-lib'
import {
  CorsHttpMethod,
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
} from 'aws-cdk-lib/aws-apigatewayv2'
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations'
import type { IFunction } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import type { Topology } from '../topology.ts'
import { createLogGroup, httpAccessLogFormat } from './observability.ts'
import type { StageSettings } from './stages.ts'

export interface ApiProps {
  readonly topology: Topology
  readonly functionNamed: (name: string) => IFunction
  readonly corsOrigins: readonly string[]
  readonly settings: StageSettings
}

/** The HTTP API: the topology's routes, and one for whatever they do not match, so that every answer is in the service's own format. */
export class Api extends Construct {
  /** Without a slash at the end. */
  readonly url: string
  readonly api: HttpApi

  constructor(scope: Construct, id: string, { topology, functionNamed, corsOrigins, settings }: ApiProps) {
    super(scope, id)
    this.api = new HttpApi(this, 'HttpApi', {
      description: 'kaha-chat over HTTP',
      createDefaultStage: false,
      ...(corsOrigins.length > 0 && {
        corsPreflight: {
          allowOrigins: [...corsOrigins],
          allowMethods: [
            CorsHttpMethod.GET,
            CorsHttpMethod.POST,
            CorsHttpMethod.PUT,
            CorsHttpMethod.PATCH,
            CorsHttpMethod.DELETE,
          ],
          allowHeaders: ['authorization', 'content-type'],
          exposeHeaders: ['apigw-requestid', 'retry-after'],
          maxAge: Duration.hours(1),
        },
      }),
    })
    Validations.of(this.api).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        "The functions verify the token themselves: API Gateway's own authorizers know no HS256 and can't refuse in the service's format. /health is open to all.",
    })
    this.url = this.api.apiEndpoint
    // Paths carry the name of any stage but this one.
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: settings.throttle.http,
      accessLogSettings: {
        destination: new LogGroupLogDestination(createLogGroup(this, 'AccessLogs', settings)),
        format: httpAccessLogFormat,
      },
    })
    // So the first deployment takes no request before there is a migrated database behind every route.
    stage.node.addDependency(this.api)

    const integrations = new Map<string, HttpLambdaIntegration>()
    const integration = (name: string): HttpLambdaIntegration => {
      const known = integrations.get(name)
      if (known) return known
      // One permission for each function: one for each route would fill the function's policy (20 KB) with some fifty routes.
      const made = new HttpLambdaIntegration(name, functionNamed(name), { scopePermissionToRoute: false })
      integrations.set(name, made)
      return made
    }
    for (const { method, path, function: name } of topology.httpRoutes) {
      new HttpRoute(this.api, `${method} ${path}`, {
        httpApi: this.api,
        routeKey: HttpRouteKey.with(path, HttpMethod[method]),
        integration: integration(name),
      })
    }
    new HttpRoute(this.api, 'Unmatched', {
      httpApi: this.api,
      routeKey: HttpRouteKey.DEFAULT,
      // Not one of those above: their permission asks for a method and a path, which this route's calls do not have.
      integration: new HttpLambdaIntegration('Unmatched', functionNamed(topology.httpDefaultFunction)),
    })
  }
}
