import { SignJWT, UnsecuredJWT } from 'jose'
import { testSecret, tokenFor } from '../support/tokens.ts'

const sign = (payload: Record<string, unknown>, secret = testSecret, alg = 'HS256') =>
  new SignJWT(payload).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret))

/** Every kind of token that must be refused, and the code of the refusal. */
export const badTokens = async (userId: string): Promise<{ kind: string; token: string; code: string }[]> => {
  const exp = Math.floor(Date.now() / 1000) + 3_600
  const claims = { id: userId, kahaId: 'K-bad', exp }
  const good = await sign(claims)
  const [header, payload] = good.split('.')
  const unsigned = new UnsecuredJWT(claims).encode()
  const tokens = {
    noise: 'token',
    'three words': 'a.b.c',
    'one that another secret signed': await sign(claims, 'not the secret of this stack, but as long'),
    'one without its signature': `${header}.${payload}.`,
    'one with alg none': unsigned,
    'one with alg none and a signature': `${unsigned}${good.split('.')[2]}`,
    'one of another algorithm': await sign(claims, testSecret, 'HS512'),
    'one without exp': await sign({ id: userId, kahaId: 'K-bad' }),
    'one that is not valid yet': await sign({ ...claims, nbf: exp - 60 }),
    'one for nobody': await sign({ kahaId: 'K-bad', exp }),
    'one whose user is no UUID': await sign({ ...claims, id: '7; drop table users' }),
    'one without kahaId': await sign({ id: userId, exp }),
  }
  const refused = Object.entries(tokens).map(([kind, token]) => ({ kind, token, code: 'unauthorized' }))
  return [...refused, { kind: 'an expired one', token: await tokenFor(userId, {}, -1), code: 'token_expired' }]
}
