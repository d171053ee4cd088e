/**
 * How long a client of the AWS SDK waits for a connection and for an answer, in milliseconds, as its `requestHandler`. Without
 * the last of these the SDK would only warn of an answer that does not come, and wait on.
 */
export const timeLimits = (connectionTimeout: number, requestTimeout: number) => ({
  connectionTimeout,
  requestTimeout,
  throwOnRequestTimeout: true,
})
