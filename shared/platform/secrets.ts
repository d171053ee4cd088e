import { timeLimits } from './time-limits.ts'

/**
 * The text of a secret in Secrets Manager. The SDK's client is loaded when it is first needed: functions that get their
 * secret from the environment, as on one machine, never pay for it.
 */
export const readSecret = async (arn: string): Promise<string> => {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  const client = new SecretsManagerClient({
    maxAttempts: 3,
    requestHandler: timeLimits(1_000, 2_000),
  })
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }))
    if (!SecretString) throw new Error(`The secret ${arn} has no text`)
    return SecretString
  } finally {
    client.destroy()
  }
}
