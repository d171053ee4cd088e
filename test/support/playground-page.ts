import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, Locator, Page } from 'playwright-core'
import { repository } from '../../infra/local/local-directory.ts'
import { testStack } from './stack.ts'

/** One of the two panes, as somebody uses it. */
export interface PaneOfPage {
  readonly root: Locator
  /** Makes somebody new, who is in the pane from then on. */
  become(name: string, kind?: 'Person' | 'Business'): Promise<void>
  /** Puts somebody into the pane who is known. */
  choose(name: string): Promise<void>
  /** Starts a chat with these people: with several of them a group of that name. */
  chatWith(names: readonly string[], groupName?: string): Promise<void>
  /** Starts a chat with a business. */
  askBusiness(name: string): Promise<void>
  /** The entry of a chat in the list. */
  chat(name: string): Locator
  open(name: string): Promise<void>
  write(text: string): Promise<void>
  /** Presses keys one by one, without sending. */
  type(text: string): Promise<void>
  /** The bubble of a message. */
  message(text: string): Locator
  setNetwork(isThere: boolean): Promise<void>
}

export interface PlaygroundPage {
  readonly page: Page
  readonly left: PaneOfPage
  readonly right: PaneOfPage
  /** What the browser has complained about: errors of the console and of the page, and requests to elsewhere. */
  readonly complaints: readonly string[]
  /** What axe finds that is serious or critical. */
  faults(): Promise<string[]>
  /** Keeps a picture for a person to look at. */
  picture(name: string): Promise<void>
}

export const desktop = { width: 1280, height: 800 }
export const phone = { width: 390, height: 844 }

const picturesFolder = join(repository, 'test/browser/pictures')

const paneOf = (page: Page, side: 'left' | 'right'): PaneOfPage => {
  const root = page.locator(`.pane.${side}`)
  const box = root.getByRole('textbox', { name: 'Message' })
  const chat = (name: string): Locator => root.locator('.item', { has: page.locator('.item-name', { hasText: name }) })
  const startNew = (): Promise<void> => root.getByRole('button', { name: 'New chat' }).click()
  return {
    root,
    become: async (name, kind = 'Person') => {
      await root.locator('.who').click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('textbox', { name: 'Somebody new' }).fill(name)
      await dialog.getByRole('button', { name: kind, exact: true }).click()
      await root.locator('.state', { hasText: 'Online' }).waitFor()
    },
    choose: async name => {
      await root.locator('.who').click()
      await page.getByRole('dialog').locator('.people button', { hasText: name }).click()
      await root.locator('.state', { hasText: 'Online' }).waitFor()
    },
    chatWith: async (names, groupName) => {
      await startNew()
      for (const name of names) await root.getByRole('checkbox', { name, exact: true }).check()
      if (groupName) await root.getByRole('textbox', { name: 'Name of the group' }).fill(groupName)
      await root.getByRole('button', { name: /^(Start the chat|Make a group)/ }).click()
      await box.waitFor()
    },
    askBusiness: async name => {
      await startNew()
      await root.locator('.new-chat .people button', { hasText: name }).click()
      await box.waitFor()
    },
    chat,
    open: async name => {
      await chat(name).click()
      await box.waitFor()
    },
    write: async text => {
      await box.fill(text)
      await box.press('Enter')
    },
    type: text => box.pressSequentially(text, { delay: 30 }),
    message: text => root.locator('.message', { hasText: text }),
    setNetwork: async isThere => {
      const network = root.getByRole('switch', { name: 'Network' })
      if ((await network.getAttribute('aria-checked')) !== String(isThere)) await network.click()
    },
  }
}

interface AxeResults {
  violations: { id: string; impact?: string | null; nodes: { html: string; failureSummary?: string }[] }[]
}

export const openPlayground = async (
  browser: Browser,
  options: { viewport?: typeof desktop; colorScheme?: 'light' | 'dark' } = {},
): Promise<PlaygroundPage> => {
  const { viewport = desktop, colorScheme = 'light' } = options
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const { PlaygroundUrl, WebSocketUrl } = testStack().outputs
  const own = [new URL(PlaygroundUrl).origin, WebSocketUrl]
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (!own.some(url => request.url().startsWith(url))) complaints.push(`request to ${request.url()}`)
  })
  await page.goto(PlaygroundUrl)
  await page.locator('.pane.left .state', { hasText: 'Online' }).waitFor()
  return {
    page,
    left: paneOf(page, 'left'),
    right: paneOf(page, 'right'),
    complaints,
    faults: async () => {
      // Not as a script of the page, which its policy would not run.
      await page.evaluate(axe.source)
      const { violations } = (await page.evaluate('axe.run()')) as AxeResults
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
    },
    picture: async name => {
      await mkdir(picturesFolder, { recursive: true })
      await page.screenshot({ path: join(picturesFolder, `${name}.png`) })
    },
  }
}
