import { htmlTagNames } from 'html-tag-names'
import { Tokenizer } from 'htmlparser2'

/**
 * Stands for a `<` that is text while the parser runs. A control character, and those are gone by then, so no input holds it.
 */
const textBracket = '\u0001'
// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point; newline and tab stay.
const controlCharacters = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g
const bracketOfText = new RegExp(`<(?!/?(?:${htmlTagNames.join('|')})[\\s/>])`, 'gi')
/** What is inside these is code, not text. */
const codeElements = new Set(['script', 'style'])
/** Tags inside tags, or behind one that is never closed, come to light layer by layer; nobody writes that many by accident. */
const maxPasses = 8

const noop = (): void => {}

/**
 * The text without its tags, and without what is inside code elements, up to the first tag that is never closed: that one is
 * text, and what is behind it has not been looked at.
 */
const removeTagsUpToUnclosed = (text: string): { kept: string; rest: string } => {
  let kept = ''
  let position = 0
  let tagStart = 0
  let opensCode = false
  let insideCode = false
  let isOpen = false
  const dropTag = (end: number) => {
    if (!insideCode) kept += text.slice(position, tagStart)
    position = end + 1
  }
  const open = (end: number) => {
    isOpen = false
    dropTag(end)
    insideCode = opensCode
  }
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: false },
    {
      onopentagname: (start, end) => {
        isOpen = true
        tagStart = start - '<'.length
        opensCode = codeElements.has(text.slice(start, end).toLowerCase())
      },
      onopentagend: end => open(end),
      onselfclosingtag: end => open(end),
      onclosetag: (start, nameEnd) => {
        const end = text.indexOf('>', nameEnd)
        if (end === -1) return
        tagStart = start - '</'.length
        dropTag(end)
        insideCode = false
      },
      onattribdata: noop,
      onattribentity: noop,
      onattribend: noop,
      onattribname: noop,
      oncdata: noop,
      oncomment: noop,
      ondeclaration: noop,
      onend: noop,
      onprocessinginstruction: noop,
      ontext: noop,
      ontextentity: noop,
    },
  )
  tokenizer.write(text)
  tokenizer.end()
  if (insideCode) return { kept, rest: '' }
  const behindBracket = isOpen ? tagStart + '<'.length : text.length
  return { kept: kept + text.slice(position, behindBracket), rest: text.slice(behindBracket) }
}

/** The text without its tags, and without what is inside code elements; a tag that is never closed stays. */
const removeTags = (text: string): string => {
  let kept = ''
  let rest = text.replace(bracketOfText, textBracket)
  for (let pass = 0; pass < maxPasses && rest.includes('>'); pass += 1) {
    const next = removeTagsUpToUnclosed(rest)
    kept += next.kept
    rest = next.rest
  }
  if (rest.includes('>')) rest = rest.replaceAll('<', '')
  return (kept + rest).replaceAll(textBracket, '<')
}

/**
 * What a person wrote, as plain text: no markup, no control characters except newline and tab, Unicode NFC, nothing escaped.
 * Only tags of HTML elements are markup; everything else that has a `<` is kept, so `a < b`, `<3` and `List<String>` stay.
 */
export const plainText = (input: string): string => {
  let text = input.replace(controlCharacters, '').normalize('NFC')
  for (let pass = 0; pass < maxPasses; pass += 1) {
    // Letters meet that a tag kept apart, so what is left is normalized again.
    const stripped = removeTags(text).normalize('NFC')
    if (stripped === text) return text
    text = stripped
  }
  return text.replaceAll('<', '').normalize('NFC')
}
