import { readFile } from 'node:fs/promises'
import * as z from 'zod'

export const OpenApiDocument = z.looseObject({ openapi: z.string() })
export const AsyncApiDocument = z.looseObject({ asyncapi: z.string() })

/** The documents that describe the API of this release. */
export interface ApiDocuments {
  openApi(): Promise<z.output<typeof OpenApiDocument>>
  asyncApi(): Promise<z.output<typeof AsyncApiDocument>>
}

const besideBundle = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8'))

/** They are made when the function is bundled, and lie beside its bundle: inside they would be read at every cold start. */
export const apiDocumentsFromBundle = (): ApiDocuments => ({
  openApi: async () => OpenApiDocument.parse(await besideBundle('openapi.json')),
  asyncApi: async () => AsyncApiDocument.parse(await besideBundle('asyncapi.json')),
})
