import { describe, expect, test } from '@jest/globals'
import { topology } from '../../infra/topology.ts'
import { refuseUnknown } from '../../shared/transport/unknown-path.ts'

const refusal = (method: string, path: string) => {
  try {
    return refuseUnknown(topology.httpRoutes, { method, path })
  } catch (error) {
    return error
  }
}

describe('what no route matches', () => {
  test.each([
    ['PUT', '/conversations', ['GET']],
    ['DELETE', '/conversations/direct', ['POST', 'GET', 'PATCH']],
    ['PUT', '/conversations/7', ['GET', 'PATCH']],
    ['PATCH', '/conversations/7/messages/8', ['GET', 'DELETE']],
    ['POST', '/health', ['GET']],
    ['HEAD', '/health', ['GET']],
  ])('is told which methods the path has: %s %s', (method, path, allow) => {
    expect(refusal(method, path)).toMatchObject({ code: 'method_not_allowed', options: { allow } })
  })

  test.each(['/', '/conversation', '/conversations/', '/conversations/7/', '/conversations/7/unknown', '/health/x/y'])(
    'is not found when there is no such path: %s',
    path => {
      expect(refusal('GET', path)).toMatchObject({ code: 'not_found', options: {} })
    },
  )
})
