import { jest } from '@jest/globals'
import { logger } from '../../shared/platform/logger.ts'

/** The lines that are written to the log while something runs. */
export const logged = async (run: () => Promise<unknown>): Promise<Record<string, unknown>[]> => {
  const written: string[] = []
  const spy = (stream: NodeJS.WriteStream) =>
    jest.spyOn(stream, 'write').mockImplementation(chunk => {
      written.push(String(chunk))
      return true
    })
  const spies = [spy(process.stdout), spy(process.stderr)]
  logger.setLogLevel('INFO')
  try {
    await run()
  } finally {
    logger.setLogLevel('SILENT')
    for (const each of spies) each.mockRestore()
  }
  return written.filter(line => line.startsWith('{')).map(line => JSON.parse(line))
}
