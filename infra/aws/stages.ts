import { RemovalPolicy } from 'aws-cdk-lib'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'

export type StageName = 'dev' | 'prod'

/** Requests a second, and how many may come at once on top. */
export interface Throttle {
  readonly rateLimit: number
  readonly burstLimit: number
}

/** Everything in which the stages differ: `dev` is cheap and disposable, `prod` survives the loss of a zone and keeps its data. */
export interface StageSettings {
  readonly natGateways: number
  readonly database: {
    /** Aurora capacity units (about 2 GiB each), in steps of 0.5. */
    readonly minCapacity: number
    readonly maxCapacity: number
    readonly reader: boolean
    readonly backupDays: number
    readonly proxy: boolean
  }
  readonly cache: {
    readonly maxGigabytes: number
    readonly maxProcessingUnitsPerSecond: number
  }
  /**
   * Below the account's 10,000 a second, which every API and every push to a socket draw from: neither API may starve the
   * other, nor the pushes.
   */
  readonly throttle: { readonly http: Throttle; readonly webSocket: Throttle }
  /** New versions of functions get a tenth of the calls first; else all at once. */
  readonly gradualDeployments: boolean
  readonly logRetention: RetentionDays
  /** What becomes of data and logs when the stack, or the resource in it, is deleted. */
  readonly removal: RemovalPolicy.DESTROY | RemovalPolicy.RETAIN
  /** Deletion protection, point-in-time recovery, termination protection. */
  readonly protected: boolean
}

export const stages: Readonly<Record<StageName, StageSettings>> = {
  dev: {
    natGateways: 1,
    database: { minCapacity: 0.5, maxCapacity: 4, reader: false, backupDays: 1, proxy: false },
    cache: { maxGigabytes: 1, maxProcessingUnitsPerSecond: 5_000 },
    throttle: {
      http: { rateLimit: 200, burstLimit: 200 },
      webSocket: { rateLimit: 500, burstLimit: 500 },
    },
    gradualDeployments: false,
    logRetention: RetentionDays.ONE_WEEK,
    removal: RemovalPolicy.DESTROY,
    protected: false,
  },
  prod: {
    natGateways: 2,
    database: { minCapacity: 1, maxCapacity: 32, reader: true, backupDays: 14, proxy: true },
    cache: { maxGigabytes: 20, maxProcessingUnitsPerSecond: 200_000 },
    throttle: {
      http: { rateLimit: 2_000, burstLimit: 1_000 },
      webSocket: { rateLimit: 4_000, burstLimit: 2_000 },
    },
    gradualDeployments: true,
    logRetention: RetentionDays.THREE_MONTHS,
    removal: RemovalPolicy.RETAIN,
    protected: true,
  },
}
