/**
 * Takes the place of `@aws-sdk/credential-provider-node` in bundles. Lambda hands a function's credentials over in its
 * environment, so the SDK's chain of other sources (profiles, single sign-on, instance metadata) is dead weight: a third of
 * each client.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env'
