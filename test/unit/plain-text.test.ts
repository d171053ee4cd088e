import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { htmlTagNames } from 'html-tag-names'
import { plainText } from '../../shared/messages/plain-text.ts'

describe('plain text', () => {
  test.each([
    ['<script>x()</script>Hi', 'Hi'],
    ['<b>bo</b>ld', 'bold'],
    ['<STYLE>p { color: red }</STYLE>Hi', 'Hi'],
    ['<img src=x onerror=alert(1)>', ''],
    ['<svg/onload=alert(1)>Hi', 'Hi'],
    ['<a href="javascript:alert(1)" title="a > b">here</a>', 'here'],
    ['one<br/>two', 'onetwo'],
    ['<p\nclass=x>Hi</p >', 'Hi'],
    ['<scr<script></script>ipt>alert(1)</script>', ''],
    ['<<b>b>bold', 'bold'],
    ['<\u0000img src=x>Hi', 'Hi'],
    ['<b a="<img src=x onerror=alert(1)>', '<b a="'],
    ['<textarea><img src=x></textarea>', ''],
  ])('loses the markup of %j', (input, expected) => {
    expect(plainText(input)).toBe(expected)
  })

  test.each([
    'a < b && c > d',
    '<3',
    'if (x<y) {}',
    'if (a <b && x="y>z") {}',
    'data: the facts',
    'data:text/html;base64,AAAA',
    'javascript: a language',
    'List<String> and Map<Key, Value>',
    '<my-element>',
    '<!-- a note -->',
    'unfinished <b',
    '&lt;b&gt; &amp; &#60;',
    'https://example.com/?a=1&b=2',
    '"quoted" and \'quoted\'',
    'one\n\ttwo',
    '',
  ])('keeps %j', input => {
    expect(plainText(input)).toBe(input)
  })

  test.each([
    ['control characters but newline and tab', 'a\u0000b\u0007c\u001b[1m\u007f\u0085\r\n\td', 'abc[1m\n\td'],
    ['decomposed letters', 'cafe\u0301', 'caf\u00e9'],
    ['letters that a tag kept apart', 'cafe<b></b>\u0301', 'caf\u00e9'],
    ['a bracket and its stroke', '<\u0338b>', '\u226eb>'],
  ])('is normalized: %s', (_, input, expected) => {
    expect(plainText(input)).toBe(expected)
  })
})

/** Whatever can go wrong lies in how these stand together. */
const fragment = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('<', '>', '/', '</', '/>', '"', "'", '=', ' ', '\n', '!--', '-->', '<!', '<?'),
  },
  { weight: 4, arbitrary: fc.constantFrom('b', 'script', 'style', 'textarea', 'img', 'a', 'title', 'svg', 'B', 'x') },
  {
    weight: 3,
    arbitrary: fc.constantFrom('<b ', '<script>', '</script>', '<img src="', ' onerror=', '<textarea>', '<a'),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('\u0301', '\u0338', 'e', '\u0000', '\u0001', '\r', '\u00a0', '\u1100', '\u1161'),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 3 }) },
)
const markup = fc.array(fragment, { maxLength: 40 }).map(fragments => fragments.join(''))
const runs = { numRuns: 5_000 }

/** Where HTML's tokenizer (13.2.5 of the standard) is in a tag, behind its name. */
type State = 'between' | 'name' | 'behind name' | 'before value' | 'value' | '"' | "'" | 'closed'

const next = (state: State, character: string): State => {
  const isSpace = /[\t\n\f\r ]/.test(character)
  if (state === '"' || state === "'") return character === state ? 'between' : state
  if (character === '>') return 'closed'
  if (state === 'before value') return isSpace ? state : character === '"' || character === "'" ? character : 'value'
  if (state === 'value') return isSpace ? 'between' : state
  if (character === '/') return 'between'
  if (state === 'between') return isSpace ? state : 'name'
  if (character === '=') return 'before value'
  return isSpace ? 'behind name' : 'name'
}

const elementNames = new Set(htmlTagNames)

/** Whether a browser would take what begins here for a tag of a known element that is closed. */
const isTag = (text: string): boolean => {
  const [start, slash, name = ''] = /^<(\/?)([a-z][a-z0-9-]*)(?=[\t\n\f\r />])/i.exec(text) ?? []
  if (!start || !elementNames.has(name.toLowerCase())) return false
  if (slash) return text.includes('>')
  let state: State = 'between'
  for (const character of text.slice(start.length)) {
    state = next(state, character)
    if (state === 'closed') return true
  }
  return false
}

describe('plain text of whatever comes', () => {
  test('never holds a tag of a known element', () => {
    fc.assert(
      fc.property(markup, input => {
        const text = plainText(input)
        for (const { index } of text.matchAll(/</g)) expect([input, isTag(text.slice(index))]).toEqual([input, false])
      }),
      runs,
    )
  })

  test('is the same when it is made again', () => {
    fc.assert(
      fc.property(markup, input => {
        const text = plainText(input)
        expect(plainText(text)).toBe(text)
      }),
      runs,
    )
  })

  test('is NFC and no longer than the NFC of the input', () => {
    fc.assert(
      fc.property(markup, input => {
        const text = plainText(input)
        expect(text).toBe(text.normalize('NFC'))
        expect(text.length).toBeLessThanOrEqual(input.normalize('NFC').length)
      }),
      runs,
    )
  })

  test('has no control character but newline and tab', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), input => {
        expect(plainText(input).replaceAll(/[\n\t]/g, '')).not.toMatch(/\p{Cc}/u)
      }),
      runs,
    )
  })

  test('is the NFC of a text that has neither brackets nor control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), input => {
        const text = input.replaceAll(/[<\p{Cc}]/gu, '')
        expect(plainText(text)).toBe(text.normalize('NFC'))
      }),
      runs,
    )
  })
})

/** Fifty times what a message may hold: whatever is not linear would take minutes. */
const longest = 200_000
const adversarial = [
  '<',
  '</',
  '<b',
  '<b ',
  '</b ',
  '<b a="',
  `<b a="<b a='`,
  '<script>',
  '<script></script',
  '<textarea>',
  '<b><',
  '<<b>b>',
  '<!--',
  '<b a=">',
  '\u0301',
  '<b/>\u0301',
]

test.each(adversarial)('plain text is found in time when %j repeats', part => {
  const input = part.repeat(Math.ceil(longest / part.length))
  const started = performance.now()
  plainText(input)
  plainText(`${input}>`)
  plainText('<scr'.repeat(longest / 8) + input.slice(0, longest / 2) + 'ipt>'.repeat(longest / 8))
  expect(performance.now() - started).toBeLessThan(10_000)
})
