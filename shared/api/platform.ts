import { AsyncApiDocument, OpenApiDocument } from '../platform/api-documents.ts'
import { Alive, Health } from '../platform/health.ts'
import { FieldError, ProblemDocument } from '../platform/problem.schema.ts'
import { ProfileEvent } from '../profiles/profiles.schema.ts'
import { describeSchema, type ResourceDescription } from './description.ts'
import { ids } from './examples.ts'

const fieldError = describeSchema(
  { FieldError },
  {
    about: 'One field that is wrong.',
    fields: { path: 'Where it is, as `participantIds.0`.', message: 'What is wrong.' },
    example: { path: 'content', message: 'There is no text' },
  },
)

export const problem = describeSchema(
  { ProblemDocument },
  {
    about: 'What is wrong (RFC 9457). Decide by `code`; treat one that you do not know by its `status`.',
    fields: {
      type: 'A name for the kind of problem; it can not be fetched.',
      title: 'The kind of problem, for people.',
      status: 'The HTTP status, also over the WebSocket.',
      detail: 'What happened, for people.',
      code: 'Stable: it never changes its meaning.',
      requestId: 'Tell us this one when you report a problem: it finds the request in our logs.',
      errors: 'With `validation_failed`: what is wrong, 20 fields at most.',
      retryAfterSeconds: 'When the same request may succeed, where that is known.',
    },
    example: {
      type: 'urn:kaha-chat:problem:validation_failed',
      title: 'The request is not valid',
      status: 400,
      detail: 'content: There is no text',
      code: 'validation_failed',
      requestId: 'K3vJ4h0SoAMEMZQ=',
      errors: [fieldError.example],
    },
  },
)

export const platform: ResourceDescription = {
  name: 'Platform',
  about: 'For those who run the service, and who build on it.',
  routes: {
    'GET /health': {
      id: 'getHealth',
      summary: 'Ask whether the service answers',
      about: 'It looks at no store.',
      answers: { 200: { when: 'It does.', body: Alive } },
    },
    'GET /health/ready': {
      id: 'getReadiness',
      summary: 'Ask whether every store answers',
      about: 'Each store is given a second and a half.',
      answers: {
        200: { when: 'All of them do.', body: Health },
        503: { when: 'At least one does not; `Retry-After` says when to ask again.', body: Health },
      },
    },
    'GET /openapi.json': {
      id: 'getOpenApiDocument',
      summary: 'Get this document',
      about: 'OpenAPI 3.1, made from the schemas that requests are checked with.',
      answers: { 200: { when: 'The document.', body: OpenApiDocument } },
    },
    'GET /asyncapi.json': {
      id: 'getAsyncApiDocument',
      summary: 'Get the description of the WebSocket',
      about: 'AsyncAPI 3.0, made from the schemas that frames are checked with.',
      answers: { 200: { when: 'The document.', body: AsyncApiDocument } },
    },
    'POST /internal/profile-events': {
      id: 'tellProfileEvent',
      summary: 'Tell that a profile has changed',
      about:
        "For the platform's services. It is fetched anew on its next use; while the main service is down, what was known of it is shown as stale. The event bus takes the same.",
      answers: { 204: { when: 'It is noted.' } },
    },
  },
  schemas: [
    fieldError,
    problem,
    describeSchema(
      { ProfileEvent },
      {
        about: 'A profile has changed in the main service.',
        fields: { type: 'Whose it is: of a user or of a business.', uuid: 'Their id.' },
        example: { type: 'user.profile.updated', uuid: ids.bob },
      },
    ),
    describeSchema(
      { Alive },
      { about: 'The service answers.', fields: { status: 'Always so.' }, example: { status: 'ok' } },
    ),
    describeSchema(
      { Health },
      {
        about: 'Whether the stores answer.',
        fields: { status: '`ready` when all of them are up.', stores: 'The state of each, by its name.' },
        example: { status: 'ready', stores: { postgres: 'up', redis: 'up' } },
      },
    ),
    describeSchema(
      { OpenApiDocument },
      { about: 'An OpenAPI document.', fields: { openapi: 'Its version of OpenAPI.' }, example: { openapi: '3.1.0' } },
    ),
    describeSchema(
      { AsyncApiDocument },
      {
        about: 'An AsyncAPI document.',
        fields: { asyncapi: 'Its version of AsyncAPI.' },
        example: { asyncapi: '3.0.0' },
      },
    ),
  ],
}
