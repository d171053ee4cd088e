import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { asyncApiDocument } from '../../documents/asyncapi.ts'
import { openApiDocument } from '../../documents/openapi.ts'
import { ask, askOnce } from '../http.ts'
import type { Teller } from '../report.ts'
import type { Story, Target } from '../story.ts'

/** Without this nothing else needs to be tried. */
export const isThere = async ({ HttpApiUrl }: Pick<Target, 'HttpApiUrl'>, { check }: Teller): Promise<void> => {
  await check(`The service answers at ${HttpApiUrl}`, async () => {
    const { status, body } = await askOnce(HttpApiUrl, 'GET /health')
    assert.equal(status, 200, `${status} ${JSON.stringify(body)}`)
  })
  await check('Every store is up', async () => {
    const { status, body } = await askOnce(HttpApiUrl, 'GET /health/ready')
    assert.equal(status, 200, `${status} ${JSON.stringify(body)}`)
  })
}

/** Nor without this. */
export const takesTokens = async ({ HttpApiUrl, alice, bob }: Target, { check }: Teller): Promise<void> => {
  await check('The tokens of this run are taken', async () => {
    for (const { token } of [alice, bob]) {
      const { status, body } = await ask(HttpApiUrl, 'GET /conversations', { token })
      const hint = 'is the secret the one of the stage, and are JWT_ISSUER and JWT_AUDIENCE what it expects?'
      assert.equal(status, 200, `${status} ${JSON.stringify(body)}; ${hint}`)
    }
  })
}

export const isThisRelease: Story = async ({ HttpApiUrl }, { check }) => {
  await check('The API documents are those of this working copy', async () => {
    const documents = { '/openapi.json': await openApiDocument(), '/asyncapi.json': await asyncApiDocument() }
    for (const [path, document] of Object.entries(documents)) {
      const { status, body } = await ask(HttpApiUrl, `GET ${path}`)
      assert.equal(status, 200, `${path}: ${status}`)
      const expected = JSON.parse(JSON.stringify(document))
      assert.ok(isDeepStrictEqual(body, expected), `${path} is another: another commit is deployed`)
    }
  })
}
