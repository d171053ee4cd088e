import type { AssignmentStrategy } from '../database/schema.ts'

/** An agent as the choice sees them. */
export interface Candidate {
  agentId: string
  isAvailable: boolean
  isOnline: boolean
  /** How many open conversations they have, and how many they may have. */
  load: number
  maxConcurrentChats: number
  skills: readonly string[]
  /** When they got their last conversation, as a number that grows with each assignment; 0: never. */
  lastAssignment: number
}

export const canTakeOne = ({ isAvailable, isOnline, load, maxConcurrentChats }: Candidate): boolean =>
  isAvailable && isOnline && load < maxConcurrentChats

const sameWord = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase()

const isSkilled = ({ skills }: Candidate, category: string | null): boolean =>
  category !== null && skills.some(skill => sameWord(skill, category))

const longestWithout = (one: Candidate, other: Candidate): number =>
  one.lastAssignment - other.lastAssignment || (one.agentId < other.agentId ? -1 : 1)

const orderOf: Record<AssignmentStrategy, (one: Candidate, other: Candidate) => number> = {
  round_robin: longestWithout,
  least_busy: (one, other) => one.load - other.load || longestWithout(one, other),
}

/**
 * Who gets a conversation: of those who can take one, those with the skill go first; among them whoever has been longest without
 * a new one (`round_robin`), or who has the fewest (`least_busy`, and of equals the longest without). Undefined: nobody can.
 * Pure, and the same for any order of the candidates.
 */
export const chooseAgent = <Agent extends Candidate>(
  candidates: readonly Agent[],
  { strategy, category }: { strategy: AssignmentStrategy; category: string | null },
): Agent | undefined => {
  const able = candidates.filter(canTakeOne)
  const skilled = able.filter(candidate => isSkilled(candidate, category))
  return (skilled.length > 0 ? skilled : able).toSorted(orderOf[strategy])[0]
}
