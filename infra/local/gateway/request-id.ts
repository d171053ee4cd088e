import { randomBytes } from 'node:crypto'

const prefix = randomBytes(6).toString('base64url')
let count = 0

/** An id in the shape of API Gateway's request and message ids, `JKJaXmPLvHcESHA=`; unique in this process. */
export const nextRequestId = (): string => {
  count += 1
  return `${prefix}${count.toString(36).padStart(7, '0')}=`
}

/** An id in the shape of API Gateway's connection ids; nobody can guess it. */
export const newConnectionId = (): string => `${randomBytes(11).toString('base64url')}=`

/** Whether a text has the shape of a connection id; the API answers 400 to one that has not. */
export const isConnectionId = (text: string): boolean => /^[\w+/-]{8,64}={1,2}$/.test(text)
