import type { Usage } from '../../../infra/cost/bill.ts'
import type { HostUnits } from '../../../infra/local/host-units.ts'
import { topology } from '../../../infra/topology.ts'
import type { StoreUsage } from './store-usage.ts'

/** A line of an access log, and a request to AWS with its answer, by their formats. */
export const accessLogLineBytes = 350
const apiCallBytes = 2_000
const millisecondsOfAMinute = 60_000

const isUntraced = (name: string): boolean =>
  Object.entries(topology.functions).some(([each, definition]) => each === name && 'untraced' in definition)

/** What AWS would bill of what the local host and its stores have counted. */
export const usageOf = (units: HostUnits, stores: StoreUsage): Usage => {
  const calls = (isWanted: (name: string) => boolean): number =>
    Object.entries(units.byFunction).reduce(
      (sum, [name, { invocations }]) => sum + (isWanted(name) ? invocations : 0),
      0,
    )
  const accessLogLines =
    units.httpRequests +
    units.webSocketMessagesIn +
    calls(name => name === 'ConnectFunction' || name === 'DisconnectFunction')
  return {
    webSocketMessages: units.webSocketMessagesIn + units.webSocketMessagesOut,
    connectionMinutes: units.connectionMs / millisecondsOfAMinute,
    httpRequests: units.httpRequests,
    invocations: units.invocations,
    tracedInvocations: calls(name => !isUntraced(name)),
    gigabyteSeconds: units.gbMilliseconds / 1_000,
    sqsRequests: units.sqsRequests,
    dynamoDbWrites: units.dynamoDbWrites,
    logBytes: units.logBytes + accessLogLines * accessLogLineBytes,
    bytesOut: units.bytesOut,
    // Lambda's own requests to SQS do not go that way, so this is a little more than what is billed.
    bytesThroughNat: (units.connectionsRequests + units.sqsRequests) * apiCallBytes,
    ...stores,
  }
}
