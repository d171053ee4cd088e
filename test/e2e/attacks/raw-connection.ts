import { once } from 'node:events'
import { connect } from 'node:net'

/** A TCP connection on which anything can be said, at any pace. */
export interface RawConnection {
  write(bytes: string): void
  /** What has come until the other side ended it, or nothing more came for 10 s. */
  answer(): Promise<string>
  close(): void
}

const patienceMs = 10_000

/** @param url Whose host and port are called. */
export const openRaw = async (url: string): Promise<RawConnection> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  let received = ''
  socket.setEncoding('latin1').on('data', text => (received += text))
  return {
    write: bytes => void socket.write(bytes, 'latin1'),
    answer: async () => {
      socket.setTimeout(patienceMs)
      if (!socket.destroyed) await Promise.race([once(socket, 'close'), once(socket, 'timeout')])
      return received
    },
    close: () => void socket.destroy(),
  }
}

const request = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`

/** Requests on whose end two readers could disagree, or in which one could see a header that another does not. */
export const ambiguousRequests: Readonly<Record<string, string>> = {
  'a line that ends with LF alone': request('GET /health HTTP/1.1', 'Host: a', 'X-A: b\nX-B: c'),
  'a line that ends with CR alone': request('GET /health HTTP/1.1', 'Host: a', 'X-A: b\rX-B: c'),
  'a NUL in a header': request('GET /health HTTP/1.1', 'Host: a', 'X-A: b\0c'),
  'a blank before the colon': request('GET /health HTTP/1.1', 'Host: a', 'X-A : b'),
  'a header without a name': request('GET /health HTTP/1.1', 'Host: a', ': b'),
  'a blank in the path': request('GET /health x HTTP/1.1', 'Host: a'),
  'two lengths': `${request('POST /realtime/ticket HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Content-Length: 0')}{}`,
  'a length and chunks': `${request('POST /realtime/ticket HTTP/1.1', 'Host: a', 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  'a length below zero': request('POST /realtime/ticket HTTP/1.1', 'Host: a', 'Content-Length: -1'),
  'an encoding that there is not': `${request('POST /realtime/ticket HTTP/1.1', 'Host: a', 'Transfer-Encoding: xchunked')}0\r\n\r\n`,
  'a chunk of no number': `${request('POST /realtime/ticket HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked')}zz\r\n\r\n`,
}
