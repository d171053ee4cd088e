import { CheckIcon, ChecksIcon, ClockIcon, FailedIcon } from './icons.tsx'
import type { Row } from './thread.ts'

const shown = {
  sending: { text: 'Sending', Icon: ClockIcon },
  failed: { text: 'Not sent', Icon: FailedIcon },
  sent: { text: 'Sent', Icon: CheckIcon },
  delivered: { text: 'Delivered', Icon: ChecksIcon },
  read: { text: 'Read', Icon: ChecksIcon },
} as const

/** How far an own message has come: one check, two, two in blue. */
export const Checks = ({ status }: { status: NonNullable<Row['status']> }) => {
  const { text, Icon } = shown[status]
  return (
    <span class={`checks ${status}`} title={text}>
      <Icon />
      <span class="sr">{text}</span>
    </span>
  )
}
