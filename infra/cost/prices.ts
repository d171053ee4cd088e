/**
 * What AWS charges in us-east-1, in dollars, as of 22 November 2026, without free tiers, discounts and the lower prices of large
 * amounts. Other regions differ by up to a half. The dashboard and `npm run cost` both take them from here: when AWS changes one,
 * or for another region, it is changed here, from the page that is named above it.
 */
export const prices = {
  // https://aws.amazon.com/api-gateway/pricing/
  /** A frame in either direction, for each 32 KB begun. */
  webSocketMessage: 1 / 1e6,
  connectionMinute: 0.25 / 1e6,
  /** For each 512 KB begun. */
  httpRequest: 1 / 1e6,

  // https://aws.amazon.com/lambda/pricing/
  invocation: 0.2 / 1e6,
  /** On arm64. */
  gigabyteSecond: 0.0000133334,

  // https://aws.amazon.com/sqs/pricing/
  /** For each 64 KB begun. */
  sqsRequest: 0.4 / 1e6,

  // https://aws.amazon.com/elasticache/pricing/ (Serverless, Valkey)
  cacheGigabyteHour: 0.084,
  cacheProcessingUnit: 0.0023 / 1e6,

  // https://aws.amazon.com/rds/aurora/pricing/ (Serverless v2, Standard)
  auroraCapacityUnitHour: 0.12,
  auroraRequest: 0.2 / 1e6,
  auroraGigabyteMonth: 0.1,

  // https://aws.amazon.com/rds/proxy/pricing/
  proxyCapacityUnitHour: 0.015,

  // https://aws.amazon.com/vpc/pricing/
  natGatewayHour: 0.045,
  natGigabyte: 0.045,
  publicAddressHour: 0.005,

  // https://aws.amazon.com/dynamodb/pricing/on-demand/
  dynamoDbWriteUnit: 0.625 / 1e6,

  // https://aws.amazon.com/cloudwatch/pricing/
  logGigabyte: 0.5,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  dashboardMonth: 3,

  // https://aws.amazon.com/xray/pricing/
  trace: 5 / 1e6,

  // https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer
  gigabyteOut: 0.09,

  // https://aws.amazon.com/kms/pricing/
  keyMonth: 1,

  // https://aws.amazon.com/secrets-manager/pricing/
  secretMonth: 0.4,
} as const
