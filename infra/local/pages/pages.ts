import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'

/** A page, or a file that belongs to one. */
export interface Page {
  /** Its media type. */
  readonly type: string
  /** Where it may load from, in place of this host alone. */
  readonly policy?: string
  read(): Promise<string | Buffer>
}

/** What a page asks of this host. */
export interface PageRequest {
  /** Answers as JSON; what it throws is the reason of a refusal. */
  answer(body: unknown): Promise<unknown>
}

/** What the local host serves for people, beside the HTTP API and at its address: by path. AWS has none of it. */
export interface Pages {
  readonly pages: ReadonlyMap<string, Page>
  readonly requests: ReadonlyMap<string, PageRequest>
}

export const noPages: Pages = { pages: new Map(), requests: new Map() }

/** Swagger UI writes styles into its elements and has pictures in its style sheet. */
const ownHost = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"

const text = 'text/plain; charset=utf-8'

/**
 * Whether a page of this host sends this, and nobody else who got a browser on this machine to do it: neither another site, nor a
 * name that was made to point here.
 */
const isOwn = ({ headers }: IncomingMessage): boolean =>
  /^(127\.0\.0\.1|localhost):\d+$/.test(headers.host ?? '') && headers.origin === `http://${headers.host}`

const refuse = (response: ServerResponse, status: number, reason: string): void =>
  void response.writeHead(status, { 'content-type': text }).end(reason)

const serve = ({ type, policy = ownHost, read }: Page, response: ServerResponse): void =>
  void read().then(
    content =>
      response
        .writeHead(200, { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-cache' })
        .end(content),
    (error: Error) => refuse(response, 500, error.message),
  )

const answer = async (request: IncomingMessage, response: ServerResponse, { answer }: PageRequest): Promise<void> => {
  if (!isOwn(request)) return refuse(response, 403, 'Only pages of this host may ask for this')
  try {
    const body = JSON.stringify(await answer(await json(request)))
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body)
  } catch (error) {
    refuse(response, 400, error instanceof Error ? error.message : String(error))
  }
}

/** Answers what is asked of one of the pages. @returns whether it was. */
export const servePage = ({ pages, requests }: Pages, request: IncomingMessage, response: ServerResponse): boolean => {
  const path = request.url?.split('?')[0] ?? ''
  const page = request.method === 'GET' && pages.get(path)
  if (page) {
    serve(page, response)
    return true
  }
  const asked = request.method === 'POST' && requests.get(path)
  if (!asked) return false
  void answer(request, response, asked)
  return true
}
