import type { Node } from 'constructs'
import * as z from 'zod'
import { type OperatorSettings, operatorSettings } from '../operator-settings.ts'
import { stages } from './stages.ts'

const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform(value => value === 'true')], {
  error: 'use true or false',
})
const isOrigin = (text: string): boolean => text === '*' || (URL.canParse(text) && new URL(text).origin === text)
const origins = z
  .string()
  .transform(text => text.split(',').map(origin => origin.trim()))
  .refine(list => list.every(isOrigin), { error: 'use origins such as https://app.example.com, separated by commas' })

const secretArn = z.string().startsWith('arn:', { error: 'use the full ARN of a Secrets Manager secret' })
/** Functions reach the outside by HTTPS, and by its own port only. */
const isReachable = (text: string): boolean =>
  URL.canParse(text) && /^https:\/\/[^/:]+(?:\/|$)/.test(new URL(text).href)
const emails = z
  .string()
  .transform(text => text.split(',').map(email => email.trim()))
  .pipe(z.array(z.email({ error: 'use mail addresses, separated by commas' })))

/** What `cdk -c name=value` can set. Whatever is not here is decided by the stage. */
const options = z
  .object({
    stage: z.enum(['dev', 'prod'], { error: 'use dev or prod' }),
    /** RDS Proxy between the functions and Aurora; `prod` always has it. */
    proxy: flag.optional(),
    /** The browser origins that may call the HTTP API; none by default. */
    corsOrigins: origins.default([]),
    /** An existing secret (plain text, at least 32 bytes) that signs tokens, instead of a new one. */
    jwtSecretArn: secretArn.optional(),
    jwtJwksUrl: z.url({ protocol: /^https$/, error: 'use an https address' }).optional(),
    jwtIssuer: z.string().min(1).optional(),
    jwtAudience: z.string().min(1).optional(),
    /** Where the platform's main service is; without it everybody is shown as a placeholder. */
    profileApiUrl: z.string().refine(isReachable, { error: 'use an https address without a port' }).optional(),
    /** An existing secret with the token that the main service takes from this one, instead of a new one. */
    profileApiTokenArn: secretArn.optional(),
    /** An existing secret with the token that this service takes from others of the platform, instead of a new one. */
    serviceTokenArn: secretArn.optional(),
    /** False deploys to all at once, also while alarms are on; `prod` is gradual by default. */
    gradual: flag.optional(),
    /** Who is told of alarms. */
    alarmEmails: emails.default([]),
    /** False where the account's region has API Gateway's CloudWatch role already, set by something else. */
    apiGatewayAccountRole: flag.default(true),
  })
  .refine(value => value.stage !== 'prod' || value.proxy !== false, {
    path: ['proxy'],
    error: 'prod always has a proxy; leave it out',
  })
  .transform(value => ({
    ...value,
    proxy: value.proxy ?? stages[value.stage].database.proxy,
    gradual: value.gradual ?? stages[value.stage].gradualDeployments,
  }))

export type Options = Readonly<z.output<typeof options>> & { readonly operator: OperatorSettings }

const names = [
  'stage',
  'proxy',
  'corsOrigins',
  'jwtSecretArn',
  'jwtJwksUrl',
  'jwtIssuer',
  'jwtAudience',
  'profileApiUrl',
  'profileApiTokenArn',
  'serviceTokenArn',
  'gradual',
  'alarmEmails',
  'apiGatewayAccountRole',
]

/** What a setting may be is for the service to say: its functions check it, and name it when it is wrong. */
const operatorSettingsOf = (node: Node): OperatorSettings =>
  Object.fromEntries(
    operatorSettings.flatMap(name => {
      const value: unknown = node.tryGetContext(name)
      return value === undefined ? [] : [[name, String(value)]]
    }),
  )

/** Reads the options from the context of a CDK app. Throws one error that names every option that is wrong, and what it may be. */
export const readOptions = (node: Node): Options => {
  const result = options.safeParse(Object.fromEntries(names.map(name => [name, node.tryGetContext(name)])))
  if (result.success) return { ...result.data, operator: operatorSettingsOf(node) }
  const problems = result.error.issues.map(issue => {
    const name = String(issue.path[0])
    return `-c ${name}=${String(node.tryGetContext(name))}: ${issue.message}`
  })
  throw new Error(problems.join('\n'))
}
