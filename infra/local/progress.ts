import { styleText } from 'node:util'

/** Tells what a start is doing. */
export interface Progress {
  /** Shows the step when it begins, what it tells meanwhile, and how it ended. */
  step<Result>(
    title: string,
    work: (tell: (text: string) => void) => Promise<Result>,
    done: (result: Result) => string,
  ): Promise<Result>
  /** Shows something that belongs to no step. */
  tell(text: string): void
}

export const silentProgress: Progress = {
  step: (_title, work) => work(() => {}),
  tell: () => {},
}

/** Lines with the seconds since the start and how many of the steps are done; with colours where the terminal has them. */
export const consoleProgress = (steps: number): Progress => {
  const started = performance.now()
  let done = 0
  const line = (mark: string, text: string): void => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
    console.log(`${styleText('dim', `${seconds} s`)}  ${mark}  ${text}`)
  }
  return {
    step: async (title, work, describe) => {
      line(styleText('dim', ' … '), styleText('dim', title))
      const result = await work(text => line(styleText('dim', ' … '), styleText('dim', `${title}: ${text}`)))
      done += 1
      line(styleText('green', `${done}/${steps}`), describe(result))
      return result
    },
    tell: text => line('   ', text),
  }
}
