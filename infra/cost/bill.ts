import { prices } from './prices.ts'

/** What was used of everything that AWS bills by use. */
export interface Usage {
  /** Frames of both directions, one for each 32 KB begun. */
  readonly webSocketMessages: number
  readonly connectionMinutes: number
  readonly httpRequests: number
  readonly invocations: number
  /** Invocations of functions that are traced. */
  readonly tracedInvocations: number
  readonly gigabyteSeconds: number
  readonly sqsRequests: number
  /** Of Valkey. */
  readonly cacheProcessingUnits: number
  /** Nobody bills these by number: they are counted because they make the two that follow. */
  readonly sqlStatements: number
  /** Seconds in which Postgres planned and executed statements. */
  readonly databaseSeconds: number
  /** Writes of 4 KB to Aurora's storage; what is asked for lately is read from memory. */
  readonly databaseWrites: number
  /** What messages take there, for as long as they are kept. */
  readonly storedGigabyteMonths: number
  readonly dynamoDbWrites: number
  /** What functions and both APIs write. */
  readonly logBytes: number
  readonly bytesOut: number
  /** To AWS's own APIs, from inside the VPC. */
  readonly bytesThroughNat: number
}

export const nothing: Usage = {
  webSocketMessages: 0,
  connectionMinutes: 0,
  httpRequests: 0,
  invocations: 0,
  tracedInvocations: 0,
  gigabyteSeconds: 0,
  sqsRequests: 0,
  cacheProcessingUnits: 0,
  sqlStatements: 0,
  databaseSeconds: 0,
  databaseWrites: 0,
  storedGigabyteMonths: 0,
  dynamoDbWrites: 0,
  logBytes: 0,
  bytesOut: 0,
  bytesThroughNat: 0,
}

export interface BillLine {
  readonly item: string
  readonly amount: number
  readonly unit: string
  readonly dollars: number
}

const gigabyte = 1e9
/** Lambda traces one call in twenty, and one a second, which is not counted here. */
const tracedShare = 0.05
/** A capacity unit of Aurora is 2 GB of memory with a quarter of a processor, of which some is kept free. */
const capacityUnitsOfAProcessor = 4
const auroraUtilization = 0.6

export const line = (item: string, amount: number, unit: string, price: number): BillLine => ({
  item,
  amount,
  unit,
  dollars: amount * price,
})

/** What that costs, by service. */
export const billOf = (usage: Usage): BillLine[] => {
  const capacityUnitHours = (usage.databaseSeconds * capacityUnitsOfAProcessor) / auroraUtilization / 3_600
  return [
    line('WebSocket API, messages', usage.webSocketMessages, 'messages', prices.webSocketMessage),
    line('WebSocket API, connections', usage.connectionMinutes, 'minutes', prices.connectionMinute),
    line('HTTP API', usage.httpRequests, 'requests', prices.httpRequest),
    line('Lambda, requests', usage.invocations, 'requests', prices.invocation),
    line('Lambda, time', usage.gigabyteSeconds, 'GB-s', prices.gigabyteSecond),
    line('SQS', usage.sqsRequests, 'requests', prices.sqsRequest),
    line('Valkey', usage.cacheProcessingUnits, 'ECPU', prices.cacheProcessingUnit),
    line('Aurora, capacity', capacityUnitHours, 'ACU-h', prices.auroraCapacityUnitHour),
    line('Aurora, writes', usage.databaseWrites, 'requests', prices.auroraRequest),
    line('Aurora, storage', usage.storedGigabyteMonths, 'GB-months', prices.auroraGigabyteMonth),
    line('DynamoDB', usage.dynamoDbWrites, 'writes', prices.dynamoDbWriteUnit),
    line('CloudWatch Logs', usage.logBytes / gigabyte, 'GB', prices.logGigabyte),
    line('X-Ray', usage.tracedInvocations * tracedShare, 'traces', prices.trace),
    line('Data to clients', usage.bytesOut / gigabyte, 'GB', prices.gigabyteOut),
    line('Data through NAT gateways', usage.bytesThroughNat / gigabyte, 'GB', prices.natGigabyte),
  ]
}

export const dollarsOf = (bill: readonly BillLine[]): number => bill.reduce((sum, { dollars }) => sum + dollars, 0)

const each = (usage: Usage, amountOf: (name: keyof Usage, amount: number) => number): Usage =>
  Object.fromEntries(
    Object.entries(usage).map(([name, amount]) => [name, amountOf(name as keyof Usage, amount)]),
  ) as unknown as Usage

/** The one usage less the other; nothing is used less than not at all. */
export const less = (usage: Usage, other: Usage): Usage =>
  each(usage, (name, amount) => Math.max(0, amount - other[name]))

export const times = (usage: Usage, factor: number): Usage => each(usage, (_, amount) => amount * factor)

export const plus = (usage: Usage, other: Usage): Usage => each(usage, (name, amount) => amount + other[name])
