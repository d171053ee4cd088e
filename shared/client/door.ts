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

const withToken = (url: string, token: string): string => {
  const address = new URL(url)
  address.searchParams.set('token', token)
  // What was missed is asked for: the server need not guess.
  address.searchParams.set('replay', 'none')
  return address.href
}

/** With the token itself in the URL. */
export const tokenDoor = (credentials: Credentials, webSocketUrl: string): Door => {
  let used = ''
  const refuse = (): void => credentials.refuse(used)
  return {
    url: async () => {
      used = await credentials.token()
      return withToken(webSocketUrl, used)
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
      const { ticket, url } = await requestOnce(undefined, 'POST /realtime/ticket')
      return withToken(url, ticket)
    },
    // That a token is good was shown by the ticket.
    refused: () => {},
    expired: () => credentials.refuse(used),
  }
}
