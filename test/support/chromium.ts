import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { findProgram, installAdvice, installPackage } from '../../infra/local/system-packages.ts'

const packageNames = { apt: 'chromium' }
const macPaths = ['Google Chrome', 'Chromium'].map(name => `/Applications/${name}.app/Contents/MacOS/${name}`)

const find = (): string | undefined =>
  findProgram('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable') ?? macPaths.find(existsSync)

const pathVariable = 'TEST_CHROMIUM'
const reasonVariable = 'TEST_NO_CHROMIUM'

/** Before the tests: finds Chromium or installs it, and tells the tests where it is, or why there is none. */
export const prepareChromium = async (log: (text: string) => void): Promise<void> => {
  if (!find()) await installPackage(packageNames, log)
  const path = find()
  if (path) process.env[pathVariable] = path
  else process.env[reasonVariable] = `there is no Chromium; run: ${installAdvice(packageNames) ?? 'install it'}`
}

/** Why tests in a browser can not run; undefined when they can. */
export const noChromium = (): string | undefined => process.env[reasonVariable]

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env[pathVariable] ?? '',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
