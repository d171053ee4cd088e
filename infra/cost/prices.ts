/**
 * What AWS charges in us-east-1, in dollars, as of 22 November 2026, without free tiers and discounts. `docs/cost.md` says where
 * each comes from. The dashboard and `npm run cost` both take them from here.
 */
export const prices = {
  /** A frame in either direction, for each 32 KB begun. */
  webSocketMessage: 1 / 1e6,
  connectionMinute: 0.25 / 1e6,
  /** For each 512 KB begun. */
  httpRequest: 1 / 1e6,
  invocation: 0.2 / 1e6,
  /** On arm64. */
  gigabyteSecond: 0.0000133334,
  /** For each 64 KB begun. */
  sqsRequest: 0.4 / 1e6,
  cacheGigabyteHour: 0.084,
  cacheProcessingUnit: 0.0023 / 1e6,
  auroraCapacityUnitHour: 0.12,
  auroraRequest: 0.2 / 1e6,
  auroraGigabyteMonth: 0.1,
  proxyCapacityUnitHour: 0.015,
  natGatewayHour: 0.045,
  natGigabyte: 0.045,
  dynamoDbWriteUnit: 0.625 / 1e6,
  logGigabyte: 0.5,
  trace: 5 / 1e6,
  gigabyteOut: 0.09,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  dashboardMonth: 3,
  keyMonth: 1,
  secretMonth: 0.4,
} as const
