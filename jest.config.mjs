const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }] },
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
    project('infra'),
  ],
}
