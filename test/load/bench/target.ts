import type { ProcessorTime } from './processor-time.ts'

/** Where the next page of something is to be had. */
export interface PageRequest {
  url: string
  headers: Record<string, string>
}

/** 1,000,000 messages, the same number in each conversation. */
export interface Filled {
  /** Each is in more than 50 conversations. */
  readers: readonly { userId: string; conversationIds: readonly string[] }[]
}

/** What is measured: the service, or the floor beside it. Both speak the same frames. */
export interface Target {
  readonly name: 'service' | 'floor'
  /** Makes a conversation of these users, of whom the first asks for it; resolves to its id. */
  openConversation(userIds: readonly string[]): Promise<string>
  /** The address of a socket for this user. */
  socketUrl(userId: string): Promise<string>
  /** What is there to be read; made when it is first asked for. */
  filled(): Promise<Filled>
  /** The 50 newest messages of a conversation. */
  historyRequest(userId: string, conversationId: string): Promise<PageRequest>
  /** 50 conversations of a user. */
  listRequest(userId: string): Promise<PageRequest>
  processorTime(): ProcessorTime
}

/** Measured values by name. */
export type Figures = Record<string, number>

/** Some work of a kind, unmeasured, after which the code that does it is compiled. */
export type WarmUp = (target: Target) => Promise<unknown>

export interface Scenario {
  readonly name: string
  /** The targets that can do it. */
  readonly targets: readonly Target['name'][]
  /** What is to be compiled before each round; scenarios that need the same name the same. */
  readonly warmUp?: WarmUp
  /** Does the work once; throws when something was lost or doubled. */
  run(target: Target): Promise<Figures>
}
