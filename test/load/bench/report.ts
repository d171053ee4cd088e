import { median } from './statistics.ts'
import type { Figures } from './target.ts'

/** What the rounds of one scenario on one target gave. */
export interface Measured {
  scenario: string
  target: string
  rounds: Figures[]
}

const shown = (value: number): string => {
  if (Number.isNaN(value)) return '–'
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}

export interface Summary {
  median: number
  least: number
  most: number
}

export const summarize = (rounds: readonly Figures[], name: string): Summary => {
  const values = rounds.flatMap(figures => figures[name] ?? [])
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

const namesOf = (rounds: readonly Figures[]): string[] => [...new Set(rounds.flatMap(figures => Object.keys(figures)))]

const cell = ({ median, least, most }: Summary): string =>
  least === most ? shown(median) : `${shown(median)} (${shown(least)}–${shown(most)})`

/** A table for each scenario: medians with their range, beside the floor's where it can do the same, and the ratio of the two. */
export const table = (measured: readonly Measured[]): string => {
  const lines: string[] = []
  for (const { scenario, rounds } of measured.filter(({ target }) => target === 'service')) {
    const floor = measured.find(other => other.scenario === scenario && other.target === 'floor')
    lines.push(`\n${scenario} (${rounds.length} rounds)`)
    for (const name of namesOf(rounds)) {
      const ours = summarize(rounds, name)
      const theirs = floor && summarize(floor.rounds, name)
      const beside = theirs && !Number.isNaN(theirs.median) ? theirs : undefined
      const ratio = beside && beside.median !== 0 ? `× ${shown(ours.median / beside.median)}` : ''
      lines.push(
        `  ${name.padEnd(44)} ${cell(ours).padEnd(30)} ${beside ? cell(beside).padEnd(30) : ''} ${ratio}`.trimEnd(),
      )
    }
  }
  return lines.join('\n')
}
