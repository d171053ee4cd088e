import { metricUnits } from '../../shared/platform/metric-catalogue.ts'
import type { StageSettings } from '../aws/stages.ts'
import { type BillLine, line } from './bill.ts'
import { prices } from './prices.ts'

export const hoursOfAMonth = 730
/** Of Valkey, whatever it holds. */
const leastCacheGigabytes = 0.1
/** The proxy is billed for these, however small Aurora is. */
const leastProxyUnits = 8
/** As the stack makes them, the secret of Aurora's owner included; of alarms about as many metrics as they look at. */
export const secretsOfTheStack = 5
export const keysOfTheStack = 3
export const alarmMetricsOfTheStack = 66
/** Of a queue that a function works on: five pollers, each of which asks every 20 s when there is nothing. */
const pollsOfAQueue = (5 * 3_600 * hoursOfAMonth) / 20

/** What a stage costs in a month before anybody uses it. */
export const standingCosts = ({ natGateways, database }: StageSettings, queues: number): BillLine[] => {
  const instances = database.reader ? 2 : 1
  const capacity = database.minCapacity * instances * hoursOfAMonth
  const proxyUnits = database.proxy ? Math.max(leastProxyUnits, database.minCapacity * instances) : 0
  return [
    line('Aurora, at its least', capacity, 'ACU-h', prices.auroraCapacityUnitHour),
    line('RDS Proxy', proxyUnits * hoursOfAMonth, 'ACU-h', prices.proxyCapacityUnitHour),
    line('NAT gateways', natGateways * hoursOfAMonth, 'h', prices.natGatewayHour),
    line('Their public addresses', natGateways * hoursOfAMonth, 'h', prices.publicAddressHour),
    line('Valkey, at its least', leastCacheGigabytes * hoursOfAMonth, 'GB-h', prices.cacheGigabyteHour),
    line('Polling of queues', queues * pollsOfAQueue, 'requests', prices.sqsRequest),
    line('Alarms', alarmMetricsOfTheStack, 'metrics', prices.alarmMonth),
    line('Metrics', Object.keys(metricUnits).length, 'metrics', prices.metricMonth),
    line('Dashboard', 1, 'dashboard', prices.dashboardMonth),
    line('Keys of KMS', keysOfTheStack, 'keys', prices.keyMonth),
    line('Secrets', secretsOfTheStack, 'secrets', prices.secretMonth),
  ]
}
