import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { useObservable } from './observable.ts'
import { exactTimeOfDay } from './time.ts'
import type { Wire, WireLine } from './wire.ts'

const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text || '(nothing)'
  }
}

const Line = ({ line }: { line: WireLine }) => (
  <li class={`wire-line ${line.direction} ${line.kind}`}>
    <details>
      <summary>
        <span class="wire-time">{exactTimeOfDay(line.at)}</span>
        <span class="wire-arrow" aria-hidden="true">
          {line.direction === 'out' ? '↑' : '↓'}
        </span>
        <span class="sr">{line.direction === 'out' ? 'sent' : 'received'}</span>
        <span class="wire-title">{line.title}</span>
        <span class="wire-text">{line.text}</span>
      </summary>
      <pre>{pretty(line.text)}</pre>
    </details>
  </li>
)

/** What goes over the wire, as it goes. */
export const WireStrip = ({ wire }: { wire: Wire }) => {
  useObservable(wire)
  const [showsHttp, setShowsHttp] = useState(true)
  const list = useRef<HTMLElement>(null)
  const isAtEnd = useRef(true)
  const lines = wire.lines.filter(({ kind }) => showsHttp || kind === 'socket')
  useLayoutEffect(() => {
    if (isAtEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight
  }, [lines.length, wire.lines.at(-1)?.number])
  return (
    <section class="wire" aria-label="Frames on the wire">
      <div class="wire-top">
        <h2>Wire</h2>
        <label>
          <input type="checkbox" checked={showsHttp} onChange={() => setShowsHttp(!showsHttp)} />
          HTTP
        </label>
        <button type="button" onClick={wire.clear}>
          Clear
        </button>
      </div>
      <section
        ref={list}
        class="wire-lines"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard.
        tabIndex={0}
        aria-label="Lines"
        onScroll={({ currentTarget }) => {
          const { scrollHeight, scrollTop, clientHeight } = currentTarget
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24
        }}
      >
        <ul>
          {lines.map(line => (
            <Line key={line.number} line={line} />
          ))}
        </ul>
      </section>
    </section>
  )
}
