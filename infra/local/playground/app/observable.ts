import { useEffect, useState } from 'preact/hooks'

/** Something that is shown, and tells when to show it anew. */
export interface Observable {
  subscribe(run: () => void): () => void
}

export interface Signal extends Observable {
  changed(): void
}

export const createSignal = (): Signal => {
  const listeners = new Set<() => void>()
  return {
    subscribe: run => {
      listeners.add(run)
      return () => void listeners.delete(run)
    },
    changed: () => {
      for (const run of [...listeners]) run()
    },
  }
}

/** Renders the component again whenever it changes. */
export const useObservable = (observable: Observable): void => {
  const [, setTurn] = useState(0)
  useEffect(() => {
    const render = () => setTurn(turn => turn + 1)
    // Whatever changed between the rendering and now.
    render()
    return observable.subscribe(render)
  }, [observable])
}
