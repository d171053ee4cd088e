// What the package offers to those who use it.
export { type Chat, type ChatEvents, type ChatOptions, type ConnectionState, createChat } from './client.ts'
export type { TokenProvider } from './credentials.ts'
export type { Environment, Socket } from './environment.ts'
export type { NewMessage, OutboxStorage, Outgoing } from './outbox.ts'
export { ChatProblem, type ChatProblemCode } from './problem.ts'
export type { ConversationsQuery, HistoryQuery, Routes } from './routes.ts'
export type * from './service.ts'
