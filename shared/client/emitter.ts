export interface Emitter<Events> {
  /** Calls the listener with each event of that name from now on; what is returned ends it. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void
  /** A listener that throws keeps nobody from hearing the event; its error shows as an uncaught one. */
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void
}

export const createEmitter = <Events>(): Emitter<Events> => {
  const listeners: { [Name in keyof Events]?: Set<(event: Events[Name]) => void> } = {}
  return {
    on: (name, listener) => {
      const heard = listeners[name] ?? new Set()
      listeners[name] = heard
      heard.add(listener)
      return () => void heard.delete(listener)
    },
    emit: (name, event) => {
      for (const listener of [...(listeners[name] ?? [])]) {
        try {
          listener(event)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      }
    },
  }
}
