import type { FunctionUnits } from './functions/function-host.ts'
import type { GatewayUnits } from './gateway/gateway-units.ts'
import type { SqsUnits } from './queues/sqs-units.ts'
import type { DynamoDbUnits } from './stores/dynamodb.ts'

/**
 * What AWS would bill of all that has happened since the start, as counters that only grow. What Postgres and Redis did, they
 * know themselves.
 */
export interface HostUnits extends GatewayUnits, FunctionUnits, SqsUnits, DynamoDbUnits {
  /** Bytes that functions have written to their logs. */
  logBytes: number
}
