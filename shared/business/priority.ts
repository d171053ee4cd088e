import * as z from 'zod'

export const Priority = z.enum(['low', 'normal', 'high', 'urgent'])
export type Priority = z.output<typeof Priority>

const inOrder: readonly Priority[] = ['urgent', 'high', 'normal', 'low']

/** 0 for the most urgent, as the queue is ordered. */
export const rankOf = (priority: Priority): number => inOrder.indexOf(priority)

export const priorityOf = (rank: number): Priority => inOrder[rank] ?? 'normal'
