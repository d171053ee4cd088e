import type { Credentials } from './credentials.ts'
import type { Http } from './http.ts'

/** The way to a socket. */
export interface Door {
  /** Where to knock this time. */
  url(): Promise<string>
  /** The handshake has failed; a browser does not say why. */
  refused(): void
  /** The token that a socket was opened with has run out. */
  expired(): void
}

/** What was missed is asked for: the server need not guess. */
const withoutReplay = (url: URL): string => {
  url.searchParams.set('replay', 'none')
  return url.href
}

/** With the token itself in the URL. */
export const tokenDoor = (credentials: Credentials, webSocketUrl: string): Door => {
  let used = ''
  const refuse = (): void => credentials.refuse(used)
  return {
    url: async () => {
      used = await credentials.token()
      const url = new URL(webSocketUrl)
      url.searchParams.set('token', used)
      return withoutReplay(url)
    },
    // It may be the token, so the next attempt takes a new one.
    refused: refuse,
    expired: refuse,
  }
}

/** With a ticket in the URL, one for each handshake. */
export const ticketDoor = (credentials: Credentials, { requestOnce }: Pick<Http, 'requestOnce'>): Door => {
  let used = ''
  return {
    url: async () => {
      used = await credentials.token()
      const { url } = await requestOnce(undefined, 'POST /realtime/ticket')
      return withoutReplay(new URL(url))
    },
    // That a token is good was shown by the ticket.
    refused: () => {},
    expired: () => credentials.refuse(used),
  }
}
