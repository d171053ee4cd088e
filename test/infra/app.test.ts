import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { App } from 'aws-cdk-lib'
import { readOptions } from '../../infra/aws/options.ts'
import { topology } from '../../infra/topology.ts'

const root = join(import.meta.dirname, '..', '..')

/** Runs the CDK command as a newcomer would: no AWS account, no credentials, no region, nothing to look anything up with. */
const cdk = (...parameters: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'aws-cdk', 'bin', 'cdk'),
      'synth',
      '--quiet',
      '--no-lookups',
      '--no-notices',
      ...parameters,
    ],
    {
      cwd: root,
      encoding: 'utf8',
      timeout: 120_000,
      env: {
        PATH: `${join(root, 'node_modules', '.bin')}:/usr/bin:/bin`,
        HOME: tmpdir(),
        AWS_EC2_METADATA_DISABLED: 'true',
        CDK_DISABLE_CLI_TELEMETRY: 'true',
        CI: 'true',
      },
    },
  )
  return { status, said: `${stdout}\n${stderr}` }
}

describe('cdk synth', () => {
  test('bundles every function and writes a template that names no account, no region and nothing to look up', () => {
    const output = mkdtempSync(join(tmpdir(), 'kaha-chat-cdk-'))
    try {
      const { status, said } = cdk('-c', 'stage=dev', '--output', output)
      expect(`${status} ${said}`).toMatch(/^0 /)
      const { artifacts, missing } = JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8'))
      expect(missing).toBeUndefined()
      expect(artifacts['KahaChat-dev'].environment).toBe('aws://unknown-account/unknown-region')
      const { files } = JSON.parse(readFileSync(join(output, 'KahaChat-dev.assets.json'), 'utf8'))
      const bundles = Object.values<{ displayName: string }>(files).filter(file =>
        /Function\/Code$/.test(file.displayName),
      )
      expect(bundles).toHaveLength(Object.keys(topology.functions).length)
    } finally {
      rmSync(output, { recursive: true, force: true })
    }
  }, 150_000)

  test('refuses a stage that it does not know, and says which there are', () => {
    const { status, said } = cdk('-c', 'stage=staging')
    expect(status).not.toBe(0)
    expect(said).toContain('-c stage=staging: use dev or prod')
  }, 150_000)
})

describe('the options', () => {
  const read = (context: Record<string, unknown>) => readOptions(new App({ context }).node)

  test('leave everything but the stage to the stage', () => {
    expect(read({ stage: 'dev' })).toEqual({
      stage: 'dev',
      proxy: false,
      gradual: false,
      corsOrigins: [],
      alarmEmails: [],
      apiGatewayAccountRole: true,
      operator: {},
    })
    expect(read({ stage: 'prod' })).toEqual({
      stage: 'prod',
      proxy: true,
      gradual: true,
      corsOrigins: [],
      alarmEmails: [],
      apiGatewayAccountRole: true,
      operator: {},
    })
  })

  test('are read as the command line gives them, as text', () => {
    expect(
      read({
        stage: 'dev',
        proxy: 'true',
        corsOrigins: 'https://a.example.com, http://localhost:5173',
        apiGatewayAccountRole: 'false',
        jwtJwksUrl: 'https://login.example.com/.well-known/jwks.json',
        jwtIssuer: 'https://login.example.com/',
        jwtAudience: 'chat',
        profileApiUrl: 'https://api.example.com',
        gradual: 'true',
        alarmEmails: 'a@example.com, b@example.com',
        RETENTION_DAYS: '30',
      }),
    ).toEqual({
      stage: 'dev',
      proxy: true,
      gradual: true,
      corsOrigins: ['https://a.example.com', 'http://localhost:5173'],
      alarmEmails: ['a@example.com', 'b@example.com'],
      apiGatewayAccountRole: false,
      jwtJwksUrl: 'https://login.example.com/.well-known/jwks.json',
      jwtIssuer: 'https://login.example.com/',
      jwtAudience: 'chat',
      profileApiUrl: 'https://api.example.com',
      operator: { RETENTION_DAYS: '30' },
    })
  })

  test.each([
    [{}, 'stage=undefined: use dev or prod'],
    [{ stage: 'dev', proxy: 'yes' }, 'proxy=yes: use true or false'],
    [{ stage: 'prod', proxy: 'false' }, 'proxy=false: prod always has a proxy'],
    [{ stage: 'dev', corsOrigins: 'https://a.example.com/' }, 'corsOrigins=https://a.example.com/: use origins'],
    [
      { stage: 'dev', alarmEmails: 'a@example.com, somebody' },
      'alarmEmails=a@example.com, somebody: use mail addresses',
    ],
    [{ stage: 'dev', jwtSecretArn: 'jwt' }, 'jwtSecretArn=jwt: use the full ARN'],
    [{ stage: 'dev', profileApiUrl: 'http://api.example.com' }, 'profileApiUrl=http://api.example.com: use an https'],
    [{ stage: 'dev', profileApiUrl: 'https://api.example.com:8443' }, 'without a port'],
    [{ stage: 'dev', jwtJwksUrl: 'http://login.example.com' }, 'jwtJwksUrl=http://login.example.com: use an https'],
  ])('refuse %j', (context, message) => {
    expect(() => read(context)).toThrow(message)
  })

  test('name everything that is wrong at once', () => {
    expect(() => read({ stage: 'test', proxy: 'no' })).toThrow(/stage=test.*\n.*proxy=no/)
  })
})
