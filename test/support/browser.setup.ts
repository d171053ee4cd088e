import { prepareChromium } from './chromium.ts'
import setUpStack from './stack.setup.ts'

/** Before the tests in a browser: Chromium, and a stack of their own. */
const setUp = async (): Promise<void> => {
  await prepareChromium(text => void process.stderr.write(`${text}\n`))
  await setUpStack()
}

export default setUp
