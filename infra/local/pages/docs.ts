import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { asyncApiDocument } from '../../documents/asyncapi.ts'
import type { Page } from './pages.ts'
import { socketReference } from './socket-reference.ts'

const html = 'text/html; charset=utf-8'

/** A file of Swagger UI. */
const swaggerUi = (name: string, type: string): Page => ({
  type,
  read: () => readFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`))),
})

const written = (type: string, content: string): Page => ({ type, read: async () => content })

const layout = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · kaha-chat</title>
<link rel="icon" href="/docs/icon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/docs.css">
<nav><a href="/docs">HTTP API</a> <a href="/docs/websocket">WebSocket</a></nav>
<main>${body}</main>
</html>`

const style = `
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1f2933; background: #fff; }
nav { padding: 0.75rem 1.5rem; background: #1f2933; }
nav a { color: #fff; margin-right: 1.5rem; }
.reference { max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
.reference section { margin-bottom: 2.5rem; }
.reference h3 { font-family: ui-monospace, monospace; }
.reference table { border-collapse: collapse; width: 100%; }
.reference th, .reference td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0; border-bottom: 1px solid #d3d9e0; }
.reference pre { padding: 0.75rem 1rem; background: #f3f5f7; overflow-x: auto; }
.reference code { font-size: 0.9em; }
`

const start = `
SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, persistAuthorization: true })
`

const swaggerUiParts =
  '<div id="api"></div><script src="/docs/swagger-ui.js"></script><script src="/docs/start.js"></script>'

/** The API documents for people, without anything from elsewhere: OpenAPI with requests to try, and the socket to read. */
export const docsPages = (): Map<string, Page> =>
  new Map<string, Page>([
    ['/docs', written(html, layout('HTTP API', swaggerUiParts))],
    [
      '/docs/websocket',
      { type: html, read: async () => layout('WebSocket', socketReference(await asyncApiDocument())) },
    ],
    ['/docs/docs.css', written('text/css', style)],
    ['/docs/start.js', written('text/javascript', start)],
    ['/docs/swagger-ui.css', swaggerUi('swagger-ui.css', 'text/css')],
    ['/docs/swagger-ui.js', swaggerUi('swagger-ui-bundle.js', 'text/javascript')],
    ['/docs/icon.png', swaggerUi('favicon-32x32.png', 'image/png')],
  ])
