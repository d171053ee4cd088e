import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAfterUs } from '../../infra/local/reaper.ts'

/** Before the tests of the stack: a place, at `TEST_TEMPLATES`, for the templates that one file has synthesized and others need. */
const setUp = async (): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-templates-'))
  removeAfterUs(directory)
  process.env.TEST_TEMPLATES = directory
}

export default setUp
