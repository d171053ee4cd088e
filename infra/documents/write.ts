import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asyncApiDocument } from './asyncapi.ts'
import { openApiDocument } from './openapi.ts'

/** Writes both API documents into a folder, where the function that serves them finds them beside its bundle. */
export const writeApiDocuments = async (folder: string): Promise<void> => {
  const documents = { 'openapi.json': openApiDocument(), 'asyncapi.json': asyncApiDocument() }
  await Promise.all(
    Object.entries(documents).map(async ([name, document]) =>
      writeFile(join(folder, name), JSON.stringify(await document)),
    ),
  )
}
