const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })
const withSeconds = new Intl.DateTimeFormat(undefined, {
  hourCycle: 'h23',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

const dayMs = 24 * 60 * 60 * 1000
const midnight = (time: Date): number => new Date(time).setHours(0, 0, 0, 0)
const daysAgo = (time: Date): number => Math.round((midnight(new Date()) - midnight(time)) / dayMs)

export const timeOfDay = (time: string): string => clock.format(new Date(time))
export const exactTimeOfDay = (time: Date): string => withSeconds.format(time)

/** The day of a message, as a heading over those of that day. */
export const dayOf = (time: string): string => {
  const day = new Date(time)
  const ago = daysAgo(day)
  if (ago === 0) return 'Today'
  if (ago === 1) return 'Yesterday'
  return ago < 7 ? weekday.format(day) : date.format(day)
}

/** As short as a list has room for. */
export const whenInList = (time: string): string => (daysAgo(new Date(time)) === 0 ? timeOfDay(time) : dayOf(time))

export const lastSeenText = (time: string | null): string => {
  if (time === null) return 'offline'
  const day = dayOf(time)
  return `last seen ${day === 'Today' ? '' : `${day.toLowerCase()} `}at ${timeOfDay(time)}`
}
