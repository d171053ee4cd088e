/** As far as the AsyncAPI document is shown. */
interface Schema {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  format?: string
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  allOf?: Schema[]
  anyOf?: Schema[]
}

interface AsyncApi {
  operations: Record<string, Operation>
  components: { messages: Record<string, Message>; schemas: Record<string, Schema> }
}

interface Operation {
  action: 'send' | 'receive'
  title: string
  summary: string
  description: string
  messages: { $ref: string }[]
  reply?: { messages: { $ref: string }[] }
}

interface Message {
  title: string
  payload: Schema
  examples: { payload: unknown }[]
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Paragraphs and code, which is all of Markdown that the texts of operations and fields have. */
const prose = (text: string): string =>
  escaped(text)
    .split('\n\n')
    .map(paragraph => `<p>${paragraph.replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`)
    .join('\n')

const nameIn = ({ $ref }: { $ref: string }): string => $ref.slice($ref.lastIndexOf('/') + 1)

const typeOf = (schema: Schema): string => {
  const { $ref, type, format, items, allOf, anyOf } = schema
  if ($ref !== undefined) return `<a href="#${nameIn({ $ref })}">${nameIn({ $ref })}</a>`
  if (schema.const !== undefined) return `<code>${escaped(JSON.stringify(schema.const))}</code>`
  if (schema.enum) return schema.enum.map(value => `<code>${escaped(JSON.stringify(value))}</code>`).join(' or ')
  if (items) return `list of ${typeOf(items)}`
  const parts = allOf ?? anyOf
  if (parts) return parts.map(typeOf).join(' or ')
  return format ?? [type ?? 'anything'].flat().join(' or ')
}

const fieldsOf = ({ properties, required = [], anyOf = [] }: Schema): string => {
  if (!properties) return anyOf.map(fieldsOf).join('\n<p>or</p>\n')
  const rows = Object.entries(properties).map(
    ([name, field]) =>
      `<tr><td><code>${name}</code>${required.includes(name) ? '' : ' (may be missing)'}</td><td>${typeOf(field)}</td><td>${prose(field.description ?? '')}</td></tr>`,
  )
  return `<table><thead><tr><th>field</th><th>type</th><th>meaning</th></tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

const operationOf = ({ components }: AsyncApi, operation: Operation): string => {
  const messages = [...operation.messages, ...(operation.reply?.messages ?? [])].map(nameIn)
  const shown = messages.map(name => {
    const message = components.messages[name]
    if (!message || name === 'error') return ''
    const data = message.payload.properties?.data
    const example = escaped(JSON.stringify(message.examples[0]?.payload, null, 2))
    return `<h4>${message.title}${data ? `, its data: ${typeOf(data)}` : ''}</h4><pre>${example}</pre>`
  })
  return `<section id="${operation.action}-${operation.title}">
<h3>${operation.title}</h3><p><strong>${escaped(operation.summary)}.</strong></p>${prose(operation.description)}${shown.join('\n')}
</section>`
}

/** The socket's part of the API documents as HTML, to be put into a page. */
export const socketReference = (document: object): string => {
  const asyncApi = document as AsyncApi
  const operations = Object.values(asyncApi.operations)
  const linked = (action: Operation['action']) =>
    operations
      .filter(operation => operation.action === action)
      .map(({ title }) => `<a href="#${action}-${title}">${title}</a>`)
      .join(' · ')
  const listed = (action: Operation['action']) =>
    operations.filter(operation => operation.action === action).map(operation => operationOf(asyncApi, operation))
  const schemas = Object.entries(asyncApi.components.schemas).map(
    ([name, schema]) =>
      `<section id="${name}"><h3>${name}</h3>${prose(schema.description ?? '')}${fieldsOf(schema)}</section>`,
  )
  return `<div class="reference">
<h1>The WebSocket</h1>
<p>As <a href="/asyncapi.json">asyncapi.json</a> says; <code>docs/protocol.md</code> explains frames, limits and what a client must do.</p>
<p>Actions: ${linked('receive')}</p>
<p>Events: ${linked('send')}</p>
<h2>What a client may ask for</h2>${listed('receive').join('\n')}
<h2>What the server says by itself</h2>${listed('send').join('\n')}
<h2>Schemas</h2>${schemas.join('\n')}
</div>`
}
