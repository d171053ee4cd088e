import type { Scenario, Target } from './target.ts'

/** Does what these scenarios name, each thing once on each of their targets. */
export const warmUp = async (scenarios: readonly Scenario[], targets: readonly Target[]): Promise<void> => {
  for (const target of targets) {
    const asked = scenarios.filter(scenario => scenario.targets.includes(target.name))
    for (const work of new Set(asked.flatMap(scenario => scenario.warmUp ?? []))) await work(target)
  }
}
