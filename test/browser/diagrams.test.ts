import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { launchChromium, noChromium } from '../support/chromium.ts'
import { fetchedPackage } from '../support/fetched-package.ts'
import { examplePages } from '../support/page-examples.ts'

const mermaid = {
  name: 'mermaid',
  version: '12.3.0',
  integrity: 'sha512-4113TdXeLAsMruJ79OpFL5O8+LTFXhQqZ260rF3tgUmiNAtRm4Uume04I+65PRN6yZ69J4f8rVYWW8zRk65UYw==',
}

/** What the script of Mermaid puts on the page, as far as it is used here. */
interface WithMermaid {
  mermaid: { render(id: string, code: string): Promise<{ svg: string }> }
}

const reason = noChromium()
const inBrowser = reason === undefined ? test : test.skip
const suffix = reason === undefined ? '' : ` (skipped: ${reason})`
const diagrams = (await examplePages()).flatMap(({ examples }) =>
  examples.filter(({ language }) => language === 'mermaid'),
)

describe(`a diagram of the documentation${suffix}`, () => {
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    if (reason !== undefined) return
    browser = await launchChromium()
    page = await browser.newPage()
    await page.addScriptTag({ path: join(await fetchedPackage(mermaid), 'dist/mermaid.min.js') })
  }, 120_000)
  afterAll(() => browser?.close())

  const drawn = (code: string): Promise<string> =>
    page.evaluate(async text => {
      const { mermaid } = globalThis as unknown as WithMermaid
      return (await mermaid.render('diagram', text)).svg
    }, code)

  inBrowser.each(diagrams)('is drawn by Mermaid: $place', async ({ code }) => {
    expect(await drawn(code)).toMatch(/^<svg/)
  })

  inBrowser('with a mistake is not', async () => {
    await expect(drawn('sequenceDiagram\n  Alice->>: hello')).rejects.toThrow(/[Pp]arse error/)
  })

  test('is there for a message that is sent, one that is replayed, and a conversation that finds an agent', () => {
    const texts = diagrams.filter(({ place }) => place.startsWith('docs/architecture.md')).map(({ code }) => code)
    for (const shown of ['send_message(', 'messages.batch', 'assignment.changed']) {
      expect(texts.some(text => text.includes(shown))).toBe(true)
    }
  })
})
