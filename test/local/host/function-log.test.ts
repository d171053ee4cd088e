import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openFunctionLog } from '../../../infra/local/function-log.ts'

test('the log of functions counts the bytes that they wrote, without what it adds itself', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kaha-chat-log-'))
  try {
    const file = join(directory, 'functions.log')
    const log = openFunctionLog(file)
    log.write({ function: 'Some', stream: 'stdout', text: 'नमस्ते' })
    log.write({ function: 'Some', stream: 'stdout', text: 'four' })
    expect(log.bytes).toBe(18 + 4)
    await log.close()
    expect(await readFile(file, 'utf8')).toMatch(/^\S+ Some stdout नमस्ते\n\S+ Some stdout four\n$/)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
