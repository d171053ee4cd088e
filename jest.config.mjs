// What a test makes go wrong is told to the log, too: it would bury the report.
process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
// As functions of the stage `dev` have them, so that what tests write can be compared with what its alarms look at.
process.env.POWERTOOLS_METRICS_NAMESPACE ??= 'KahaChat'
process.env.POWERTOOLS_SERVICE_NAME ??= 'kaha-chat'
process.env.STAGE ??= 'dev'

const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }] },
  setupFiles: ['<rootDir>/test/support/metrics.setup.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.local', '<rootDir>/dist', '<rootDir>/cdk.out'],
}
const project = (name, options = {}) => ({
  ...shared,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  ...options,
})

export default {
  testTimeout: 30_000,
  projects: [
    project('unit'),
    project('integration', {
      globalSetup: '<rootDir>/test/support/stores.setup.ts',
      globalTeardown: '<rootDir>/test/support/stores.teardown.ts',
    }),
    project('local'),
    project('faults'),
    project('e2e', {
      globalSetup: '<rootDir>/test/support/stack.setup.ts',
      globalTeardown: '<rootDir>/test/support/stack.teardown.ts',
    }),
    project('browser', {
      globalSetup: '<rootDir>/test/support/browser.setup.ts',
      globalTeardown: '<rootDir>/test/support/stack.teardown.ts',
    }),
    project('infra', { globalSetup: '<rootDir>/test/support/templates.setup.ts' }),
  ],
}
