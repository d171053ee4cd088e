/** `ProfileEvents`, `QUEUE_URL` → `PROFILE_EVENTS_QUEUE_URL`: the variable by which a function finds a queue or a table. */
export const environmentName = (name: string, suffix: string): string =>
  `${name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_').toUpperCase()}_${suffix}`
