/**
 * What this machine can do at all: a socket server, one prepared statement for each message or page, and forwarding within this
 * process. No authentication, no Redis, no gateway, no validation. Ports and tables are its own; it prints its port and ends with
 * its parent.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { type WebSocket, WebSocketServer } from 'ws'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
const sockets = new Map<string, WebSocket>()
const members = new Map<string, { userIds: string[]; lastSeq: number }>()

const insert = (id: string, conversationId: string, seq: number, userId: string, content: string) =>
  pool.query({
    name: 'insert',
    text: 'insert into floor_messages (id, conversation_id, seq, sender_id, content) values ($1, $2, $3, $4, $5) returning sent_at',
    values: [id, conversationId, seq, userId, content],
  })

interface Frame {
  action: string
  requestId: string
  data: { conversationId: string; content: string }
}

const receive = async (socket: WebSocket, userId: string, { action, requestId, data }: Frame): Promise<void> => {
  if (action !== 'message.send') return
  const { conversationId, content } = data
  const conversation = members.get(conversationId)
  if (!conversation) return
  conversation.lastSeq += 1
  const { lastSeq: seq } = conversation
  const id = crypto.randomUUID()
  const stored = await insert(id, conversationId, seq, userId, content)
  const message = { id, conversationId, seq, senderId: userId, content, sentAt: stored.rows[0].sent_at }
  const event = JSON.stringify({ event: 'message.created', data: { message } })
  for (const other of conversation.userIds) if (other !== userId) sockets.get(other)?.send(event)
  socket.send(JSON.stringify({ event: 'ack', requestId, data: { id, conversationId, seq } }))
}

const pages: Record<string, { name: string; text: string }> = {
  '/history': {
    name: 'history',
    text: 'select * from floor_messages where conversation_id = $1 order by seq desc limit 50',
  },
  '/list': {
    name: 'list',
    text: `select c.id, m.* from floor_conversations c cross join lateral (
      select * from floor_messages where conversation_id = c.id order by seq desc limit 1
    ) m where c.user_id = $1 limit 50`,
  },
}

const http = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://floor')
  const page = pages[url.pathname]
  if (page) {
    const { rows } = await pool.query({ ...page, values: [url.searchParams.get('id')] })
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ items: rows }))
    return
  }
  let body = ''
  for await (const chunk of request) body += chunk
  const { conversationId, userIds } = JSON.parse(body)
  members.set(conversationId, { userIds, lastSeq: 0 })
  response.writeHead(204).end()
})

new WebSocketServer({ server: http, perMessageDeflate: false }).on('connection', (socket, request) => {
  const userId = new URL(request.url ?? '/', 'http://floor').searchParams.get('user') ?? ''
  sockets.set(userId, socket)
  socket.on('message', data => void receive(socket, userId, JSON.parse(String(data))))
  socket.on('close', () => sockets.delete(userId))
  socket.send('{"event":"session.ready"}')
})

await pool.query(`
  create table if not exists floor_messages (
    id uuid primary key, conversation_id uuid not null, seq bigint not null, sender_id uuid not null, content text not null,
    sent_at timestamptz not null default now()
  );
  create index if not exists floor_history on floor_messages (conversation_id, seq);
  create table if not exists floor_conversations (id uuid primary key, user_id uuid not null);
  create index if not exists floor_list on floor_conversations (user_id)`)
http.listen(0, '127.0.0.1', () => process.send?.((http.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
