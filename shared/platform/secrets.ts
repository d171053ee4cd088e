import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { timeLimits } from './time-limits.ts'

/** The text of a secret in Secrets Manager. */
export const readSecret = async (arn: string): Promise<string> => {
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
