import { createWriteStream } from 'node:fs'
import type { FunctionLogLine } from './functions/function-host.ts'

export interface FunctionLog {
  write(line: FunctionLogLine): void
  /** Of the texts that were written. */
  readonly bytes: number
  close(): Promise<void>
}

/** Appends what functions write, a line each: time, function, stream, text. */
export const openFunctionLog = (file: string): FunctionLog => {
  const stream = createWriteStream(file, { flags: 'a' })
  let bytes = 0
  return {
    get bytes() {
      return bytes
    },
    write: ({ function: name, stream: source, text }) => {
      if (stream.writableEnded) return
      bytes += Buffer.byteLength(text)
      stream.write(`${new Date().toISOString()} ${name} ${source} ${text}\n`)
    },
    close: () => new Promise(resolve => stream.end(resolve)),
  }
}
