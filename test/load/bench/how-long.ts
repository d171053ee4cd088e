/** Begins; what it gives is asked before each piece of work whether there is to be one more. */
export type HowLong = () => () => boolean

export const forSeconds =
  (seconds: number): HowLong =>
  () => {
    const end = performance.now() + seconds * 1_000
    return () => performance.now() < end
  }

export const forPieces =
  (count: number): HowLong =>
  () => {
    let done = 0
    return () => {
      done += 1
      return done <= count
    }
  }
