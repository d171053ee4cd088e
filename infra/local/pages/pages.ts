import type { IncomingMessage, ServerResponse } from 'node:http'

/** A page, or a file that belongs to one. */
export interface Page {
  /** Its media type. */
  readonly type: string
  read(): Promise<string | Buffer>
}

/** What the local host serves for people, beside the HTTP API and at its address: by path. AWS has none of it. */
export type Pages = ReadonlyMap<string, Page>

/** A page loads from this host alone. Swagger UI writes styles into its elements and has pictures in its style sheet. */
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

/** Answers a request for one of the pages. @returns whether it was one. */
export const servePage = (pages: Pages, request: IncomingMessage, response: ServerResponse): boolean => {
  const page = request.method === 'GET' && pages.get(request.url?.split('?')[0] ?? '')
  if (!page) return false
  page.read().then(
    content => response.writeHead(200, { 'content-type': page.type, 'content-security-policy': policy }).end(content),
    (error: Error) => response.writeHead(500, { 'content-type': 'text/plain' }).end(error.message),
  )
  return true
}
