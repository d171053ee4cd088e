import pg from 'pg'
import { Problem } from '../platform/problems.ts'

/** SQLSTATE of PostgreSQL's appendix A, and those that `send_message` raises. */
export const sqlState = {
  uniqueViolation: '23505',
  lockNotAvailable: '55P03',
  notInPrerequisiteState: '55000',
  undefinedTable: '42P01',
  notParticipant: 'KC404',
  conversationClosed: 'KC409',
} as const

export const hasSqlState = (error: unknown, state: string): error is pg.DatabaseError =>
  error instanceof pg.DatabaseError && error.code === state

/**
 * The classes that say "not now" rather than "wrong": connection exceptions, insufficient resources, operator intervention
 * (shutdown, statement time-out), and a transaction that lost a deadlock or a serialization conflict.
 */
const unavailableStates = /^(08|53|57)|^40(001|P01)$|^25006$/
const unavailableCodes = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])
/** `pg` has no codes for these. */
const unavailableMessages =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout exceeded when trying to connect|timeout expired)/

const isUnavailable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return (
    (error instanceof pg.DatabaseError ? unavailableStates.test(code) : unavailableCodes.has(code)) ||
    unavailableMessages.test(error.message)
  )
}

/** An error of the database as the caller should see it: `store_unavailable` when trying again later makes sense. */
export const databaseProblem = (error: unknown): unknown =>
  isUnavailable(error)
    ? new Problem('store_unavailable', 'The database is not available. Try again.', {
        retryAfterSeconds: 2,
        cause: error,
      })
    : error
