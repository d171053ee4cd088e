import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser, Locator } from 'playwright-core'
import { launchChromium, noChromium } from '../support/chromium.ts'
import { openPlayground, type PlaygroundPage, phone } from '../support/playground-page.ts'

const reason = noChromium()
const inBrowser = reason === undefined ? test : test.skip
const suffix = reason === undefined ? '' : ` (skipped: ${reason})`

let browser: Browser
beforeAll(async () => {
  if (reason === undefined) browser = await launchChromium()
}, 60_000)
afterAll(async () => {
  await browser?.close()
})

const shown = (locator: Locator, timeout = 20_000): Promise<void> => locator.waitFor({ state: 'visible', timeout })
const status = (message: Locator, text: string): Locator => message.locator('.checks', { hasText: text })

/** Two new people, who have no chats yet. */
const twoPeople = async (options: Parameters<typeof openPlayground>[1] = {}): Promise<PlaygroundPage> => {
  const playground = await openPlayground(browser, options)
  await playground.left.become('Anita')
  await playground.right.become('Bikram')
  return playground
}
const expectNoComplaints = ({ complaints }: PlaygroundPage): void => expect(complaints).toEqual([])

describe(`the playground${suffix}`, () => {
  inBrowser(
    'lets two people talk in two panes: typing, checks, unread messages and presence change as they should',
    async () => {
      const playground = await twoPeople()
      const { left, right } = playground
      await left.chatWith(['Bikram'])
      await shown(left.root.locator('.chat-title', { hasText: 'online' }))

      await left.type('Namaste')
      await shown(right.chat('Anita').locator('.snippet', { hasText: 'typing' }))
      await left.write('Namaste, Bikram! Are we still on for Saturday?')
      await shown(right.chat('Anita').locator('.snippet', { hasText: 'Namaste, Bikram!' }))
      await shown(right.chat('Anita').locator('.badge', { hasText: '1' }))
      await shown(status(left.message('Saturday?'), 'Delivered'))

      await right.open('Anita')
      await shown(status(left.message('Saturday?'), 'Read'))
      expect(await right.chat('Anita').locator('.badge').count()).toBe(0)
      await right.write('Yes! Budhanilkantha at 7? I bring the tea.')
      await shown(left.message('I bring the tea.'))
      await left.write('Perfect, see you there.')
      await shown(status(left.message('see you there'), 'Read'))
      await right.type('And a map')
      await shown(left.root.locator('.chat-title', { hasText: 'typing' }))
      expect(await playground.faults()).toEqual([])
      await playground.picture('two-panes-1280')

      await left.message('see you there').hover()
      await left
        .message('see you there')
        .getByRole('button', { name: /Delete/ })
        .click()
      await shown(right.root.locator('.deleted'))
      await playground.page.setViewportSize(phone)
      await left.root.getByRole('button', { name: 'Frames on the wire' }).click()
      await shown(left.root.locator('.composer'))
      expect(await playground.faults()).toEqual([])
      await playground.picture('chat-390')
      await left.root.getByRole('button', { name: 'Back to the chats' }).click()
      await shown(left.chat('Bikram'))
      await playground.picture('list-390')
      expectNoComplaints(playground)
    },
    120_000,
  )

  inBrowser(
    'brings a pane that was offline what it has missed, and sends what was written meanwhile, once',
    async () => {
      const playground = await twoPeople({ colorScheme: 'dark' })
      const { left, right } = playground
      await left.chatWith(['Bikram'])
      await left.write('before')
      await right.open('Anita')
      await shown(right.message('before'))

      await right.setNetwork(false)
      await shown(right.root.locator('.state', { hasText: 'No network' }))
      await right.write('written offline')
      await right.write('and this, too')
      await shown(status(right.message('written offline'), 'Sending'))
      await left.write('Where are you?')
      await shown(status(left.message('Where are you?'), 'Sent'))
      await shown(left.root.locator('.chat-title', { hasText: 'last seen' }), 60_000)
      expect(await playground.faults()).toEqual([])
      await playground.picture('offline-dark-1280')

      await right.setNetwork(true)
      await shown(right.message('Where are you?'))
      await shown(left.message('and this, too'))
      await shown(status(left.message('Where are you?'), 'Read'))
      await shown(left.root.locator('.chat-title', { hasText: 'online' }))
      for (const pane of [left, right]) {
        const texts = await pane.root.locator('.message .text').allTextContents()
        expect(texts).toEqual(['before', 'Where are you?', 'written offline', 'and this, too'])
      }
      expectNoComplaints(playground)
    },
    150_000,
  )

  inBrowser(
    'has groups, with members who come, and a name that changes',
    async () => {
      const playground = await twoPeople()
      const { left, right, page } = playground
      await left.chatWith(['Bikram', 'Maya'], 'Weekend trek')
      await left.write('Who has a tent?')
      await right.open('Weekend trek')
      await shown(right.message('Who has a tent?').locator('.sender', { hasText: 'Anita' }))

      await left.root.getByRole('button', { name: 'About this chat' }).click()
      const details = page.getByRole('dialog')
      expect(await playground.faults()).toEqual([])
      await details.getByRole('textbox', { name: 'Name' }).fill('Langtang trek')
      await details.getByRole('button', { name: 'Rename' }).click()
      await details.getByRole('combobox', { name: 'Add somebody' }).selectOption('Kiran')
      await details.getByRole('button', { name: 'Mute' }).click()
      await shown(details.getByRole('button', { name: 'Unmute' }))
      await details.getByRole('button', { name: 'Done' }).click()
      await shown(right.root.locator('.chat-title', { hasText: 'Langtang trek' }))
      await shown(right.root.locator('.subtitle', { hasText: 'Kiran' }))
      expectNoComplaints(playground)
    },
    120_000,
  )

  inBrowser(
    'has business chats: a customer waits, an agent gets the chat, the business sees, gives and closes it',
    async () => {
      const playground = await openPlayground(browser)
      const { left, right, page } = playground
      await right.become('Agent Maya')
      await left.become('Himal Books', 'Business')
      await left.root.getByRole('button', { name: 'Agents' }).click()
      await left.root.locator('.side .people button', { hasText: 'Agent Maya' }).click()
      await shown(left.root.locator('.agent', { hasText: 'Agent Maya' }))
      await shown(right.root.locator('.duty', { hasText: 'Himal Books' }))
      await right.root.getByRole('switch', { name: /Taking chats/ }).click()
      await shown(left.root.locator('.agent [aria-checked=false]'))
      expect(await playground.faults()).toEqual([])

      await right.become('Customer Chitra')
      await right.askBusiness('Himal Books')
      await right.write('Do you have the new atlas?')
      await left.root.getByRole('button', { name: 'Inbox' }).click()
      await left.open('Customer Chitra')
      await shown(left.message('Do you have the new atlas?'))
      await shown(left.chat('Customer Chitra').locator('.standing', { hasText: 'waiting' }))
      expect(await playground.faults()).toEqual([])
      await playground.picture('business-1280')

      await left.root.getByRole('button', { name: 'Agents' }).click()
      await left.root.getByRole('switch', { name: 'Agent Maya is available' }).click()
      await right.choose('Agent Maya')
      await shown(right.chat('Customer Chitra'), 60_000)
      await right.open('Customer Chitra')
      await right.write('Yes, two of them.')
      await shown(left.message('Yes, two of them.'))
      await shown(left.root.locator('.subtitle', { hasText: 'with Agent Maya' }))

      await left.root.getByRole('button', { name: 'About this chat' }).click()
      const details = page.getByRole('dialog')
      expect(await details.getByRole('combobox', { name: 'Agent' }).locator('option:checked').textContent()).toBe(
        'Agent Maya',
      )
      await details.getByRole('button', { name: 'Close the chat' }).click()
      await shown(details.getByRole('button', { name: 'Open the chat again' }))
      await details.getByRole('button', { name: 'Done' }).click()
      await shown(right.root.locator('.subtitle', { hasText: 'closed' }))
      expectNoComplaints(playground)
    },
    180_000,
  )

  inBrowser(
    'can be used by the keyboard alone',
    async () => {
      const playground = await twoPeople()
      const { left, right, page } = playground
      const focusOn = async (locator: Locator): Promise<void> => {
        for (let steps = 0; steps < 80; steps += 1) {
          if (await locator.evaluate(element => element === element.ownerDocument.activeElement)) return
          await page.keyboard.press('Tab')
        }
        throw new Error('Tab does not lead there')
      }
      await page.keyboard.press('Escape')
      await focusOn(left.root.getByRole('button', { name: 'New chat' }))
      await page.keyboard.press('Enter')
      await focusOn(left.root.getByRole('checkbox', { name: 'Bikram', exact: true }))
      await page.keyboard.press('Space')
      await focusOn(left.root.getByRole('button', { name: 'Start the chat' }))
      await page.keyboard.press('Enter')
      await shown(left.root.getByRole('textbox', { name: 'Message' }))
      await page.keyboard.type('no mouse')
      await page.keyboard.press('Enter')
      await focusOn(right.chat('Anita'))
      await page.keyboard.press('Enter')
      await shown(right.message('no mouse'))
      await focusOn(right.root.getByRole('switch', { name: 'Network' }))
      await page.keyboard.press('Space')
      await shown(right.root.locator('.state', { hasText: 'No network' }))
      expectNoComplaints(playground)
    },
    120_000,
  )
})
