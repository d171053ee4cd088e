import { readFile } from 'node:fs/promises'
import * as z from 'zod'

/** Where a stack is; what else stands among its outputs is left alone. */
export const Addresses = z.object({ HttpApiUrl: z.url(), WebSocketUrl: z.url() })
export type Addresses = z.infer<typeof Addresses>

const Outputs = z.record(z.string(), z.unknown())

/**
 * The addresses in what `cdk deploy --outputs-file` wrote, where each stack has its own, or in what the local host wrote. Rejects when
 * there are none, and when there are several stacks and none of them is named.
 */
export const readAddresses = async (file: string, stackName?: string): Promise<Addresses> => {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new Error(`${file} can't be read`)
  })
  const outputs = Outputs.safeParse(parsed(text))
  if (!outputs.success) throw new Error(`${file} holds no outputs`)
  const whole = Addresses.safeParse(outputs.data)
  if (whole.success) return whole.data
  const stacks = Object.entries(outputs.data).flatMap(([name, value]) => {
    const { success, data } = Addresses.safeParse(value)
    return success && (stackName === undefined || name === stackName) ? [{ name, data }] : []
  })
  const [stack, ...others] = stacks
  if (!stack) throw new Error(`${file} names no HttpApiUrl and WebSocketUrl${stackName ? ` of ${stackName}` : ''}`)
  if (others.length > 0) {
    throw new Error(`${file} has several stacks: --stack takes one of ${stacks.map(({ name }) => name).join(', ')}`)
  }
  return stack.data
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
