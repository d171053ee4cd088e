import { Ticket } from '../auth/tickets.schema.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { times } from './examples.ts'

const ticket = 'pHq0T0l3Fyk2WUg5vJ7mS4xR1nB8cZ6dA9eK-wXuY_o'

export const realtime: ResourceDescription = {
  name: 'Realtime',
  about: 'The way to a socket.',
  routes: {
    'POST /realtime/ticket': {
      id: 'getTicket',
      summary: 'Get a ticket for a handshake',
      about:
        'It opens one socket in place of the token, which stays out of URLs so. The socket ends with the token that the ticket was got with.',
      answers: { 201: { when: 'A new ticket.', body: Ticket } },
    },
  },
  schemas: [
    describeSchema(
      { Ticket },
      {
        about: 'For one handshake.',
        fields: {
          ticket: 'It is used up by the handshake, also by one that is refused.',
          expiresAt: 'In 30 s, or when the token ends.',
          url: 'Where to open the socket, with the ticket in it.',
        },
        example: {
          ticket,
          expiresAt: times.sent,
          url: `wss://abc123.execute-api.us-east-1.amazonaws.com/v1?token=${ticket}`,
        },
      },
    ),
  ],
}
