declare module 'dynalite' {
  import type { Server } from 'node:http'

  /** Without a `path` all is in memory. */
  const dynalite: (options: { path?: string; createTableMs?: number }) => Server
  export default dynalite
}
