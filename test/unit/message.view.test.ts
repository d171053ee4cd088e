import { randomUUID } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { messageView, statusOf } from '../../shared/messages/message.view.ts'
import type { MessageRow } from '../../shared/messages/messages.repository.ts'

const at = (last_read_seq: number, last_delivered_seq: number) => ({ last_read_seq, last_delivered_seq })

describe('the status of a message', () => {
  test.each([
    ['sent, with nobody else there', 'sent', []],
    ['sent, while one has not got it', 'sent', [at(9, 9), at(0, 6)]],
    ['delivered, when everybody has got it', 'delivered', [at(9, 9), at(0, 7)]],
    ['delivered, to one who has read it and to one who has got it', 'delivered', [at(7, 0), at(6, 7)]],
    ['read, when everybody has read it', 'read', [at(7, 0), at(8, 8)]],
  ] as const)('is %s', (_, status, others) => {
    expect(statusOf(7, others)).toBe(status)
  })
})

describe('a message', () => {
  const row: MessageRow = {
    id: randomUUID(),
    conversation_id: randomUUID(),
    seq: 7,
    sender_id: randomUUID(),
    type: 'text',
    content: 'Hi',
    metadata: null,
    sent_at: new Date('2026-01-02T03:04:05.006Z'),
    deleted_at: null,
  }

  test('shows its status to its sender only', () => {
    const others = [at(7, 7)]
    expect(messageView(row, row.sender_id, others)).toMatchObject({ status: 'read' })
    expect(messageView(row, randomUUID(), others)).not.toHaveProperty('status')
  })

  test('is in camel case with its times in UTC with milliseconds', () => {
    expect(messageView(row, randomUUID(), [])).toEqual({
      id: row.id,
      conversationId: row.conversation_id,
      seq: 7,
      senderId: row.sender_id,
      type: 'text',
      content: 'Hi',
      metadata: null,
      sentAt: '2026-01-02T03:04:05.006Z',
      deletedAt: null,
    })
    const deleted = { ...row, content: null, deleted_at: new Date('2026-01-02T03:04:06Z') }
    expect(messageView(deleted, randomUUID(), [])).toMatchObject({
      content: null,
      deletedAt: '2026-01-02T03:04:06.000Z',
    })
  })
})
