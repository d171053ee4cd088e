import { Duration, Validations } from 'aws-cdk-lib'
import { type IVpc, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2'
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  DatabaseProxy,
  DefaultAuthScheme,
  ParameterGroup,
  ProxyTarget,
} from 'aws-cdk-lib/aws-rds'
import { Construct } from 'constructs'
import type { Access } from './access.ts'
import type { StageName, StageSettings } from './stages.ts'

/** Names inside Postgres. RDS makes the database and its owner, the migration makes the roles the functions log in as. */
const databaseName = 'kaha_chat'
const ownerRole = 'kaha_owner'
const applicationRole = 'kaha_app'
const maintenanceRole = 'kaha_maintenance'
const port = 5432

/** Access for one of the roles inside Postgres. */
type AccessAs = (user: string) => Access

export interface DatabaseProps {
  readonly vpc: IVpc
  readonly key: IKey
  readonly stage: StageName
  readonly settings: StageSettings
  readonly proxy: boolean
}

/**
 * Aurora PostgreSQL Serverless v2. Functions log in as `kaha_app` by IAM, through the proxy where there is one, and the job
 * that looks after partitions as `kaha_maintenance`; only the migration gets the owner's password, which RDS keeps in Secrets
 * Manager and renews each week.
 */
export class Database extends Construct {
  readonly cluster: DatabaseCluster
  /** As CloudWatch knows it; undefined without a proxy. */
  readonly proxyName: string | undefined
  /** To read and write rows. */
  readonly access: Access
  /** To attach and drop partitions. */
  readonly maintenanceAccess: Access
  /** For the migration: straight to the cluster, as the owner. */
  readonly ownerAccess: Access
  /** What must be there before the owner can log in; the proxy is not part of it. */
  readonly ownerNeeds: readonly Construct[]

  constructor(scope: Construct, id: string, { vpc, key, stage, settings, proxy }: DatabaseProps) {
    super(scope, id)
    const securityGroup = (name: string, description: string) =>
      new SecurityGroup(this, name, { vpc, description, allowAllOutbound: false })
    const clusterGroup = securityGroup('ClusterSecurityGroup', 'Aurora')
    const clients = securityGroup('Clients', 'Functions that use the database')
    const owner = securityGroup('Owner', 'The migration')

    const engine = DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_18_4 })
    const instance = { publiclyAccessible: false }
    this.cluster = new DatabaseCluster(this, 'Cluster', {
      engine,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [clusterGroup],
      port,
      defaultDatabaseName: databaseName,
      credentials: Credentials.fromUsername(ownerRole),
      manageMasterUserPassword: true,
      iamAuthentication: true,
      serverlessV2MinCapacity: settings.database.minCapacity,
      serverlessV2MaxCapacity: settings.database.maxCapacity,
      writer: ClusterInstance.serverlessV2('Writer', instance),
      readers: settings.database.reader
        ? [ClusterInstance.serverlessV2('Reader', { ...instance, scaleWithWriter: true })]
        : [],
      parameterGroup: new ParameterGroup(this, 'Parameters', {
        engine,
        description: 'kaha-chat: TLS only, no statement outlives the function that asked for it',
        parameters: {
          'rds.force_ssl': '1',
          // Milliseconds, under the 10 s of most functions, so that they can still answer 503. Here and not in each session,
          // because SET pins a session of the proxy. What needs longer sets its own limit inside its transaction.
          statement_timeout: '8000',
          idle_in_transaction_session_timeout: '10000',
          // Its log keeps no values of rows.
          log_error_verbosity: 'terse',
        },
      }),
      storageEncrypted: true,
      storageEncryptionKey: key,
      backup: { retention: Duration.days(settings.database.backupDays) },
      deletionProtection: settings.protected,
      removalPolicy: settings.removal,
    })
    if (!settings.protected) {
      Validations.of(this.cluster).acknowledge({
        id: 'AwsSolutions-RDS10',
        reason: 'A dev stage is disposable: `cdk destroy` must be able to remove it whole.',
      })
    }

    this.proxyName = proxy ? `kaha-chat-${stage}` : undefined
    const accessAs = this.proxyName
      ? this.throughProxy(vpc, this.proxyName, clients, securityGroup('ProxySecurityGroup', 'RDS Proxy'))
      : this.straight(clients, clusterGroup)
    this.access = accessAs(applicationRole)
    this.maintenanceAccess = accessAs(maintenanceRole)
    this.ownerAccess = this.asOwner(owner, clusterGroup)
    this.ownerNeeds = [this.cluster, clusterGroup, owner]
  }

  private straight(clients: SecurityGroup, clusterGroup: SecurityGroup): AccessAs {
    allow(clients, clusterGroup)
    return user => ({
      environment: {
        DATABASE_URL: databaseUrl(this.cluster.clusterEndpoint.hostname, user),
        DATABASE_AUTH: 'iam',
        DATABASE_TLS: 'rds-ca',
        DATABASE_STATEMENTS: 'named',
      },
      securityGroups: [clients],
      grantTo: role => this.cluster.grantConnect(role, user),
    })
  }

  private throughProxy(vpc: IVpc, name: string, clients: SecurityGroup, proxyGroup: SecurityGroup): AccessAs {
    allow(clients, proxyGroup)
    // The proxy logs in to Aurora by IAM too, so that there is no password to keep.
    const role = new Role(this, 'ProxyRole', { assumedBy: new ServicePrincipal('rds.amazonaws.com') })
    this.cluster.grantConnect(role, applicationRole)
    this.cluster.grantConnect(role, maintenanceRole)
    // It also opens the cluster's security group to its own.
    const proxy = new DatabaseProxy(this, 'Proxy', {
      dbProxyName: name,
      proxyTarget: ProxyTarget.fromCluster(this.cluster),
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [proxyGroup],
      role,
      defaultAuthScheme: DefaultAuthScheme.IAM_AUTH,
      requireTLS: true,
      // A function that gets no connection answers 503 well before its own time is up.
      borrowTimeout: Duration.seconds(3),
    })
    proxy.node.addDependency(role)
    return user => ({
      environment: {
        DATABASE_URL: databaseUrl(proxy.endpoint, user),
        DATABASE_AUTH: 'iam',
        DATABASE_TLS: 'public-ca',
        DATABASE_STATEMENTS: 'unnamed',
      },
      securityGroups: [clients],
      grantTo: role => proxy.grantConnect(role, user),
    })
  }

  private asOwner(owner: SecurityGroup, clusterGroup: SecurityGroup): Access {
    allow(owner, clusterGroup)
    const { secret } = this.cluster
    if (!secret) throw new Error('the cluster has no secret of its owner')
    return {
      environment: {
        DATABASE_URL: databaseUrl(this.cluster.clusterEndpoint.hostname, ownerRole),
        DATABASE_AUTH: 'secret',
        DATABASE_SECRET_ARN: secret.secretArn,
        DATABASE_TLS: 'rds-ca',
        DATABASE_STATEMENTS: 'named',
      },
      securityGroups: [owner],
      grantTo: role => secret.grantRead(role),
    }
  }
}

const allow = (from: SecurityGroup, to: SecurityGroup) => from.connections.allowTo(to, Port.tcp(port))

const databaseUrl = (host: string, role: string) => `postgresql://${role}@${host}:${port}/${databaseName}`
