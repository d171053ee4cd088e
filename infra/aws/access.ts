import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2'
import type { Role } from 'aws-cdk-lib/aws-iam'

/** What one entry of a function's `uses` turns into on AWS, and nothing beyond it. */
export interface Access {
  readonly environment: Readonly<Record<string, string>>
  /** Membership opens the way to the resource. A function with any of these runs inside the VPC, one with none outside. */
  readonly securityGroups: readonly ISecurityGroup[]
  grantTo(role: Role): void
}
