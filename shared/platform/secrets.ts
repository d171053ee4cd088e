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

/**
 * A secret that the environment holds, or names by its ARN. It is read when it is first needed, and then kept; what could not be
 * read is tried again the next time.
 */
export const secretReader = (text: string | undefined, arn: string | undefined): (() => Promise<string>) => {
  let kept: Promise<string> | undefined
  return () => {
    kept ??= (text === undefined ? readSecret(arn ?? '') : Promise.resolve(text)).catch(error => {
      kept = undefined
      throw error
    })
    return kept
  }
}
