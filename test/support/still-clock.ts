import type { TestClock } from './world.ts'

/** From now on time stands still unless it is made to pass, so that a slow machine changes nothing. */
export const standStill = (clock: TestClock): void => {
  let time = clock.now().getTime()
  clock.now = () => new Date(time)
  clock.advance = milliseconds => {
    time += milliseconds
  }
  clock.set = to => {
    time = to.getTime()
  }
}
