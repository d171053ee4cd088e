import { useEffect, useRef, useState } from 'preact/hooks'
import { SendIcon } from './icons.tsx'
import type { Session } from './session.ts'

/** A touch keyboard has no other key for a new line. */
const hasKeyboard = (): boolean => matchMedia('(hover: hover)').matches

/** Enter sends, Shift and Enter begins a new line. */
export const Composer = ({ session, conversationId }: { session: Session; conversationId: string }) => {
  const { chat } = session
  const [text, setText] = useState('')
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (hasKeyboard()) field.current?.focus()
  }, [])

  const write = (next: string): void => {
    setText(next)
    chat.typing(conversationId, next.trim() !== '')
  }
  const send = (): void => {
    const content = text.trim()
    if (content === '') return
    chat.send(conversationId, content)
    setText('')
    field.current?.focus()
  }
  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault()
        send()
      }}
    >
      <span class="grows">
        <textarea
          ref={field}
          value={text}
          rows={1}
          maxLength={4_000}
          placeholder="Message"
          aria-label="Message"
          onInput={({ currentTarget }) => write(currentTarget.value)}
          onBlur={() => text && chat.typing(conversationId, false)}
          onKeyDown={event => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !hasKeyboard()) return
            event.preventDefault()
            send()
          }}
        />
        <span class="grows-copy" aria-hidden="true">{`${text} `}</span>
      </span>
      <button type="submit" class="send" aria-label="Send" disabled={text.trim() === ''}>
        <SendIcon />
      </button>
    </form>
  )
}
