import { v7 } from 'uuid'
import {
  type DocumentedAction,
  type DocumentedRoute,
  documentedActions,
  documentedRoutes,
  uuids,
} from './documented-requests.ts'

/** What is one's own, so that a request is looked at in full. */
export interface Own {
  readonly conversationId: string
  readonly businessId: string
  /** A conversation of that business. */
  readonly chatId: string
}

export interface HostileRequest {
  readonly target: string
  readonly rawBody?: string
}

const filledPath = ({ path }: DocumentedRoute, { conversationId, businessId, chatId }: Own): string =>
  path
    .replace('{id}', path.startsWith('/business/') ? chatId : conversationId)
    .replace('{businessId}', businessId)
    .replaceAll(/\{\w+\}/g, () => v7())

/** An example of the documents, about nobody whom other tests know. */
const fresh = (example: Record<string, unknown>, { conversationId }: Own): Record<string, unknown> => {
  const text = JSON.stringify(example).replaceAll(uuids, () => v7())
  return JSON.parse(text, (name, value) => (name === 'conversationId' ? conversationId : value))
}

/** A copy with another value at this place, as `initialMessage.id`; `*` stands for a key, and of a list each is meant. */
const withValue = (value: unknown, [name, ...rest]: readonly string[], hostile: unknown): unknown => {
  if (name === undefined) return Array.isArray(value) ? [hostile] : hostile
  if (Array.isArray(value)) return value.map(each => withValue(each, [name, ...rest], hostile))
  const fields = (value ?? {}) as Record<string, unknown>
  const key = name === '*' ? (Object.keys(fields)[0] ?? '2026-01-01') : name
  return { ...fields, [key]: withValue(fields[key], rest, hostile) }
}

/** Of a text so much as fits into a request line. */
const inUrl = (text: string): string =>
  encodeURIComponent(text)
    .slice(0, 6_000)
    .replace(/%[\dA-F]?$/, '')

/** Each text of the body of a route, and of its query, replaced by this one. */
export const withHostileText = (route: DocumentedRoute, own: Own, text: string): HostileRequest[] => {
  const target = `${route.method} ${filledPath(route, own)}`
  const example = fresh(route.example ?? {}, own)
  return [
    ...route.query.map(name => ({ target: `${target}?${name}=${inUrl(text)}` })),
    ...route.bodyTexts.map(name => ({
      target,
      rawBody: JSON.stringify(withValue(example, name.split('.'), text)),
    })),
  ]
}

/** Each id in the path of a route replaced by this text. */
export const withHostilePath = (route: DocumentedRoute, own: Own, text: string): HostileRequest[] => {
  const names = [...route.path.matchAll(/\{\w+\}/g)].map(([name]) => name)
  return names.map(name => ({
    target: `${route.method} ${filledPath({ ...route, path: route.path.replace(name, inUrl(text)) }, own)}`,
  }))
}

/** Frames, each with one text of their data, or beside it, replaced by this one. */
export const framesWithHostileText = (action: DocumentedAction, own: Own, text: string): string[] => {
  const example = fresh(action.example, own)
  const frame = { action: action.name, requestId: 'r', data: example }
  const places = [['action'], ['requestId'], ...action.texts.map(name => ['data', ...name.split('.')])]
  return places.map(place => JSON.stringify(withValue(frame, place, text)))
}

/** Every object in a value, by the way to it. */
const objectsIn = (value: unknown, path: readonly string[] = []): string[][] => {
  if (typeof value !== 'object' || value === null) return []
  const below = Object.entries(value).flatMap(([name, each]) => objectsIn(each, [...path, name]))
  return Array.isArray(value) ? below : [[...path], ...below]
}

/** What `{}` would have for every field that any route or action asks for, if it came to be on the prototype of all objects. */
const polluting = (own: Own): Record<string, unknown> =>
  Object.assign({}, ...[...documentedRoutes, ...documentedActions].map(({ example }) => fresh(example ?? {}, own)))

/** The JSON of a value with a prototype, in each of these ways, in each of its objects. */
const pollutedJson = (value: unknown, own: Own): string[] => {
  const fields = JSON.stringify(polluting(own))
  const ways = [`"__proto__":${fields}`, `"constructor":{"prototype":${fields}}`]
  return objectsIn(value).flatMap(place =>
    ways.map(way => {
      const marked = JSON.stringify(withValue(value, [...place, 'polluted-here'], 0))
      return marked.replace('"polluted-here":0', way)
    }),
  )
}

export const withPrototypes = (route: DocumentedRoute, own: Own): HostileRequest[] =>
  pollutedJson(fresh(route.example ?? {}, own), own).map(rawBody => ({
    target: `${route.method} ${filledPath(route, own)}`,
    rawBody,
  }))

export const framesWithPrototypes = (action: DocumentedAction, own: Own): string[] =>
  pollutedJson({ action: action.name, requestId: 'r', data: fresh(action.example, own) }, own)

/** The same without anything, which tells whether there is something on the prototype. */
export const withoutFields = (route: DocumentedRoute, own: Own): HostileRequest => ({
  target: `${route.method} ${filledPath(route, own)}`,
  rawBody: '{}',
})

/** Texts of about this length on which a careless pattern, parser or normalisation would take long. */
export const slowTexts = (length: number): string[] =>
  ['a', '0', ' ', '<a ', '<!--', '&amp', 'e\u0301\u0323', '1-'].map(part => `${part.repeat(length / part.length)}!`)

/** Texts that would begin a line or a header of their own, if they came somewhere as they are. */
export const injections = (marker: string): readonly string[] =>
  ['\r\n', '\n', '\u2028', '"}\n', '\u001b[1G', '%0d%0a'].map(
    end => `x${end}Set-Cookie: ${marker}=1${end}${end}{"level":"ERROR","message":"${marker}"}`,
  )
