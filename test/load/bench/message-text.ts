const length = 120

/** Of the bytes that are stored of it. */
export const sealedLength = 160

/** A message with the moment (ms of this process) at which it was to be sent at its head; `mark` makes it one that no other equals. */
export const textAt = (moment: number, mark = ''): string => `${moment.toFixed(3)} ${mark}`.padEnd(length, '.')

/** NaN of what the service itself says. */
export const momentIn = (text: string): number => Number.parseFloat(text)
