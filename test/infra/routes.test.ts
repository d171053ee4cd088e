import { describe, expect, test } from '@jest/globals'
import { Match } from 'aws-cdk-lib/assertions'
import { corsRules } from '../../infra/local/gateway/cors.ts'
import { topology } from '../../infra/topology.ts'
import { aliasOf, resource, resources } from './rendered.ts'
import { synthesize } from './synthesized.ts'

const template = synthesize({ stage: 'prod' })
const apis = resources(template, 'AWS::ApiGatewayV2::Api')
const integrations = resources(template, 'AWS::ApiGatewayV2::Integration')
const apiOf = (protocol: 'HTTP' | 'WEBSOCKET') => {
  const api = apis.find(each => each.properties.ProtocolType === protocol)
  if (!api) throw new Error(`no ${protocol} API`)
  return api
}
const routesOf = (protocol: 'HTTP' | 'WEBSOCKET') =>
  resources(template, 'AWS::ApiGatewayV2::Route').filter(route => route.properties.ApiId === `<${apiOf(protocol).id}>`)
/** The function a route ends in, as the topology calls it. */
const target = (route: ReturnType<typeof routesOf>[number]): string | undefined => {
  const integration = integrations.find(each => route.properties.Target === `integrations/<${each.id}>`)
  return Object.keys(topology.functions).find(name =>
    String(integration?.properties.IntegrationUri).includes(`<${aliasOf(template, name).id}>`),
  )
}

describe('the HTTP API', () => {
  test('has the routes of the topology, to the functions of the topology, and one for everything else', () => {
    const routes = routesOf('HTTP').map(route => [route.properties.RouteKey, target(route)])
    const declared = topology.httpRoutes.map(route => [`${route.method} ${route.path}`, route.function])
    expect(routes.sort()).toEqual([...declared, ['$default', topology.httpDefaultFunction]].sort())
  })

  test('may call every function it has a route to, also by the route for everything else', () => {
    const api = apiOf('HTTP').id
    const permissions = resources(template, 'AWS::Lambda::Permission').map(({ properties }) => ({
      function: properties.FunctionName,
      source: String(properties.SourceArn).split(':').at(-1),
    }))
    for (const name of new Set(topology.httpRoutes.map(route => route.function))) {
      expect(permissions).toContainEqual({
        function: `<${aliasOf(template, name).id}>`,
        source: `<${api}>/*/*/*`,
      })
    }
    // Calls by this route come from `{api}/{stage}/$default`, which three wildcards do not match.
    expect(permissions).toContainEqual({
      function: `<${aliasOf(template, topology.httpDefaultFunction).id}>`,
      source: `<${api}>/*/*`,
    })
  })

  test('is served without a stage in its paths, and throttled', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      ApiId: { Ref: apiOf('HTTP').id },
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: Match.anyValue(), ThrottlingBurstLimit: Match.anyValue() },
    })
  })

  test('answers no browser of another origin unless told so, and then by the rules of the local gateway', () => {
    expect(apiOf('HTTP').properties.CorsConfiguration).toBeUndefined()
    const corsOrigins = 'https://app.example.com, http://localhost:5173'
    synthesize({ stage: 'dev', corsOrigins }).hasResourceProperties('AWS::ApiGatewayV2::Api', {
      ProtocolType: 'HTTP',
      CorsConfiguration: {
        AllowOrigins: ['https://app.example.com', 'http://localhost:5173'],
        AllowMethods: corsRules.allowMethods,
        AllowHeaders: corsRules.allowHeaders,
        ExposeHeaders: corsRules.exposeHeaders,
        MaxAge: corsRules.maxAgeSeconds,
      },
    })
  })
})

describe('the WebSocket API', () => {
  test('has the routes of the topology, to the functions of the topology', () => {
    expect(apiOf('WEBSOCKET').properties.RouteSelectionExpression).toBe('$request.body.action')
    const routes = routesOf('WEBSOCKET').map(route => [route.properties.RouteKey, target(route)])
    expect(routes.sort()).toEqual(topology.webSocketRoutes.map(route => [route.key, route.function]).sort())
  })

  test('answers on the two-way routes alone', () => {
    const answering = resources(template, 'AWS::ApiGatewayV2::RouteResponse').map(each => each.properties.RouteId)
    const routes = routesOf('WEBSOCKET').map(route => ({
      key: route.properties.RouteKey,
      twoWay: answering.includes(`<${route.id}>`),
      selection: route.properties.RouteResponseSelectionExpression,
    }))
    expect(routes).toHaveLength(topology.webSocketRoutes.length)
    for (const { key, twoWay } of topology.webSocketRoutes) {
      expect(routes).toContainEqual({ key, twoWay, selection: twoWay ? '$default' : undefined })
    }
  })

  test('asks the authorizer at the handshake, which must bring a token', () => {
    const authorizer = resource(template, 'AWS::ApiGatewayV2::Authorizer')
    expect(authorizer.properties).toMatchObject({
      AuthorizerType: 'REQUEST',
      IdentitySource: ['route.request.querystring.token'],
    })
    expect(authorizer.properties.AuthorizerUri).toContain(`<${aliasOf(template, topology.webSocketAuthorizer).id}>`)
    for (const route of routesOf('WEBSOCKET')) {
      const isHandshake = route.properties.RouteKey === '$connect'
      expect(route.properties.AuthorizationType).toBe(isHandshake ? 'CUSTOM' : 'NONE')
      expect(route.properties.AuthorizerId).toBe(isHandshake ? `<${authorizer.id}>` : undefined)
    }
  })
})

test('neither API is served before its routes are there, and so not before the migration', () => {
  for (const stage of resources(template, 'AWS::ApiGatewayV2::Stage')) {
    const routes = resources(template, 'AWS::ApiGatewayV2::Route').filter(
      route => route.properties.ApiId === stage.properties.ApiId,
    )
    expect(routes.length).toBeGreaterThan(0)
    for (const route of routes) expect(stage.dependsOn).toContain(route.id)
  }
})

describe('access logs', () => {
  const formats = resources(template, 'AWS::ApiGatewayV2::Stage').map(
    stage => (stage.properties.AccessLogSettings as { Format: string }).Format,
  )

  test('are written for both APIs, as JSON, each to a log that forgets', () => {
    expect(formats).toHaveLength(2)
    for (const format of formats) expect(JSON.parse(format)).toMatchObject({ requestId: '$context.requestId' })
    const groups = resources(template, 'AWS::Logs::LogGroup').map(group => `<${group.id}.Arn>`)
    for (const stage of resources(template, 'AWS::ApiGatewayV2::Stage')) {
      expect(groups).toContain((stage.properties.AccessLogSettings as { DestinationArn: string }).DestinationArn)
    }
  })

  test('hold nothing that can hold a token: no query string, path, header, body or authorizer', () => {
    for (const format of formats) {
      expect(format).not.toMatch(
        /querystring|\$context\.path|resourcePath|request\.(header|querystring|body)|authorizer|\$input/i,
      )
    }
  })
})
