import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import { createLogGroup } from './observability.ts'
import type { StageSettings } from './stages.ts'

/**
 * Two zones, each with a public subnet (NAT gateways only), one for functions and one without a way out for the stores. Sockets
 * are pushed to through a public API that has no usable VPC endpoint, so functions need the NAT gateways.
 */
export class Network extends Construct {
  readonly vpc: IVpc
  /** Carried by every function inside the VPC: out by HTTPS to anywhere, in from nowhere. */
  readonly functions: SecurityGroup

  constructor(scope: Construct, id: string, settings: StageSettings) {
    super(scope, id)
    this.vpc = new Vpc(this, 'Vpc', {
      maxAzs: 2,
      natGateways: settings.natGateways,
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 26 },
        { name: 'Functions', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 },
        { name: 'Stores', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // These two are free of charge, and traffic through a NAT gateway is not.
      gatewayEndpoints: {
        DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
        S3: { service: GatewayVpcEndpointAwsService.S3 },
      },
      // The library's class says `undefined` where its interface says "absent", which strict TypeScript tells apart.
    }) as IVpc
    this.vpc.addFlowLog('Rejected', {
      destination: FlowLogDestination.toCloudWatchLogs(createLogGroup(this, 'FlowLogs', settings)),
      trafficType: FlowLogTrafficType.REJECT,
    })
    this.functions = new SecurityGroup(this, 'Functions', {
      vpc: this.vpc,
      description: 'Functions inside the VPC',
      allowAllOutbound: false,
    })
    this.functions.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'AWS, the token issuer and the platform')
  }
}
