import { describe, expect, test } from '@jest/globals'
import pg from 'pg'
import { databaseProblem } from '../../shared/database/errors.ts'

const databaseError = (code: string) => Object.assign(new pg.DatabaseError('internal', 8, 'error'), { code })
const socketError = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.7:5432`), { code })

describe('an error of the database', () => {
  test.each([
    ['a server that is shutting down', databaseError('57P01')],
    ['a server that is starting', databaseError('57P03')],
    ['a statement that took too long', databaseError('57014')],
    ['too many connections', databaseError('53300')],
    ['a full disk', databaseError('53100')],
    ['a lost deadlock', databaseError('40P01')],
    ['a lost serialization conflict', databaseError('40001')],
    ['a writer that became a reader', databaseError('25006')],
    ['a refused connection', socketError('ECONNREFUSED')],
    ['a lost connection', socketError('ECONNRESET')],
    ['a name that is not known', socketError('ENOTFOUND')],
    ['a connection that ended', new Error('Connection terminated unexpectedly')],
    ['a server that does not answer', new Error('Query read timeout')],
    ['a pool that is empty', new Error('timeout exceeded when trying to connect')],
  ])('says "not now" for %s, and nothing of what is inside', (_, error) => {
    const problem = databaseProblem(error)
    expect(problem).toMatchObject({
      code: 'store_unavailable',
      detail: expect.not.stringContaining('10.0.0.7'),
      options: { retryAfterSeconds: expect.any(Number), cause: error },
    })
  })

  test.each([
    ['a row that is there already', databaseError('23505')],
    ['who is not a participant', databaseError('KC404')],
    ['a table that is not there', databaseError('42P01')],
    ['a value that does not fit', databaseError('22P02')],
    ['a fault of ours', new TypeError('x is not a function')],
  ])('stays what it is for %s', (_, error) => {
    expect(databaseProblem(error)).toBe(error)
  })
})
