const length = 120

/** A message that no other one equals, with the moment (ms of this process) at which it was to be sent at its head. */
export const textOf = (moment: number, sender: number, number: number): string =>
  `${moment.toFixed(3)} ${sender}.${number} `.padEnd(length, '.')

/** NaN of what the service itself says. */
export const momentIn = (text: string): number => Number.parseFloat(text)
