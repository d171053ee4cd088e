import type { Conversation } from 'kaha-chat-client'
import { Fragment } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { DownIcon } from './icons.tsx'
import { MessageRow } from './message-row.tsx'
import type { Names } from './names.ts'
import type { Session } from './session.ts'
import type { Row } from './thread.ts'
import { dayOf } from './time.ts'

/** As near to the end as that the next message is to be scrolled to, in pixels. */
const nearEnd = 80
/** What one writes within this time is one utterance. */
const togetherMs = 5 * 60_000

const belongsTo = (before: Row | undefined, row: Row): boolean =>
  before !== undefined &&
  !before.isSystem &&
  before.senderId === row.senderId &&
  Date.parse(row.sentAt) - Date.parse(before.sentAt) < togetherMs

interface MessageLogProps {
  session: Session
  names: Names
  conversation: Conversation
}

/** The messages of a chat, with the newest at the end; older ones are loaded on the way up. */
export const MessageLog = ({ session, names, conversation }: MessageLogProps) => {
  const { chat } = session
  const thread = session.thread(conversation.id)
  const log = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const heightBefore = useRef(0)
  const [isAway, setAway] = useState(false)
  /** What was unread when they opened it. */
  const [unread] = useState(() => {
    const own = conversation.participants.find(({ userId }) => userId === chat.userId)
    return { after: own?.lastReadSeq ?? conversation.lastSeq, upTo: conversation.lastSeq }
  })
  const rows = thread.rows()
  const last = rows.at(-1)

  useEffect(() => void thread.load().catch(session.report), [thread])
  useEffect(() => {
    const read = () => {
      if (isAtEnd.current && document.visibilityState === 'visible') chat.markRead(conversation.id)
    }
    if (thread.isLoaded) read()
    document.addEventListener('visibilitychange', read)
    return () => document.removeEventListener('visibilitychange', read)
  }, [thread.isLoaded, conversation.lastSeq, isAway])

  const toEnd = (): void => {
    log.current?.scrollTo({ top: log.current.scrollHeight })
  }
  useLayoutEffect(() => {
    const element = log.current
    if (!element) return
    if (last?.seq === null || isAtEnd.current) toEnd()
    // Older messages have come above: what was seen stays where it was.
    else if (element.scrollTop < nearEnd) element.scrollTop += element.scrollHeight - heightBefore.current
    heightBefore.current = element.scrollHeight
  }, [rows.length, rows[0]?.key, last?.key, last?.status])

  const onScroll = ({ currentTarget }: { currentTarget: HTMLDivElement }): void => {
    const { scrollHeight, scrollTop, clientHeight } = currentTarget
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < nearEnd
    setAway(!isAtEnd.current)
    if (scrollTop < nearEnd && thread.hasOlder) void thread.loadOlder().catch(session.report)
  }
  const firstNew = rows.find(
    ({ seq, senderId }) => seq !== null && seq > unread.after && seq <= unread.upTo && senderId !== chat.userId,
  )

  return (
    <div class="log-frame">
      <div
        ref={log}
        class="log"
        role="log"
        aria-label="Messages"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard.
        tabIndex={0}
        onScroll={onScroll}
      >
        <ol>
          {rows.map((row, index) => {
            const before = rows[index - 1]
            const isNewDay = !before || dayOf(before.sentAt) !== dayOf(row.sentAt)
            return (
              <Fragment key={row.key}>
                {isNewDay && <li class="day">{dayOf(row.sentAt)}</li>}
                {row === firstNew && <li class="new">New</li>}
                <MessageRow
                  session={session}
                  names={names}
                  conversation={conversation}
                  row={row}
                  isContinued={!isNewDay && row !== firstNew && belongsTo(before, row)}
                />
              </Fragment>
            )
          })}
        </ol>
        {thread.isLoaded && rows.length === 0 && <p class="hint">Nothing has been said yet.</p>}
      </div>
      {isAway && (
        <button type="button" class="icon-button to-end" aria-label="To the newest message" onClick={toEnd}>
          <DownIcon />
        </button>
      )}
    </div>
  )
}
