import { resources } from '../../shared/api/http-api.ts'
import type { ApiDocuments } from '../../shared/platform/api-documents.ts'
import type { ProblemCode } from '../../shared/platform/problems.ts'
import { componentsUsedBy, createJsonSchemas } from './json-schemas.ts'
import { operationOf, problemsOf } from './operation.ts'
import { exampleProblem, problemTable } from './problems.ts'
import { releaseInfo } from './release.ts'
import { servedRoutes } from './served.ts'

const introduction = `The messaging service of the Kaha platform over HTTP. Events come over a WebSocket, which \`/asyncapi.json\` describes.

- JSON in UTF-8. Times are ISO 8601 in UTC with milliseconds, ids are UUIDs.
- Ignore fields that you do not know: more may come. Unknown fields and parameters of a request are refused, so that typos surface.
- Where a body has no required field, an empty body will do. A body has at most 256 KB.
- Lists come in pages: \`{ items, nextCursor }\`; give \`nextCursor\` as \`cursor\` for the next one.

## Problems

Every error is a problem document (RFC 9457). Decide by its \`code\`. A method that a path does not have is \`method_not_allowed\`, with
the header \`Allow\`; a path that there is not is \`not_found\`.

${problemTable}

What API Gateway answers by itself (a 413, 429, 500 or 503 of its own) has the body \`{ "message": "…" }\`: treat it by its status.`

const token = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description:
    'A JWT of the platform with the claims `id` (or `sub`), `kahaId` and `exp`, and `businessId` for whoever manages that business; HS256, or RS256, ES256 and EdDSA from a JWKS URL.',
}

const serviceToken = {
  type: 'http',
  scheme: 'bearer',
  description: "What the platform's services share with this one.",
}

/**
 * The OpenAPI document of all routes of the topology that are described: requests are what the functions' schemas say, the rest is
 * what `shared/api` says.
 */
export const openApiDocument: ApiDocuments['openApi'] = async () => {
  const schemas = createJsonSchemas(
    resources.flatMap(resource => resource.schemas),
    'draft-2020-12',
  )
  const described = new Map(
    resources.flatMap(({ name, routes }) =>
      Object.entries(routes).map(([key, description]) => [key, { tag: name, description }] as const),
    ),
  )
  const paths: Record<string, Record<string, object>> = {}
  const answered = new Set<ProblemCode>()
  for (const [key, route] of await servedRoutes()) {
    const found = described.get(key)
    if (!found) continue
    const [method = '', path = ''] = key.split(' ')
    for (const code of problemsOf(route, found.description)) answered.add(code)
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(schemas, { route, ...found }) }
  }
  return {
    openapi: '3.1.0',
    info: { ...releaseInfo(), description: introduction },
    servers: [{ url: '/', description: 'Where this document came from.' }],
    security: [{ token: [] }],
    tags: resources.map(({ name, about }) => ({ name, description: about })),
    paths,
    components: {
      securitySchemes: { token, serviceToken },
      schemas: componentsUsedBy(paths, schemas.components),
      examples: Object.fromEntries([...answered].map(code => [code, { summary: code, value: exampleProblem(code) }])),
    },
  }
}
