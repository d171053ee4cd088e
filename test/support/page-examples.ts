import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../../infra/local/local-directory.ts'

/** A fenced block of a page: `sh second terminal` has the language `sh` and the note `second terminal`. */
export interface Example {
  /** Where it begins, as `docs/deploy.md:5`. */
  readonly place: string
  readonly language: string
  readonly note: string
  readonly code: string
}

export interface ExamplePage {
  readonly path: string
  readonly examples: readonly Example[]
}

const fence = /^( *)```(\w*) ?(.*)\n([\s\S]*?)^\1```$/gm

const examplesIn = (path: string, text: string): Example[] =>
  Array.from(text.matchAll(fence), ({ index, 1: indent = '', 2: language = '', 3: note = '', 4: code = '' }) => ({
    place: `${path}:${text.slice(0, index).split('\n').length}`,
    language,
    note,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))

/** The examples of one page, by its path in the repository. */
export const examplesOf = async (path: string): Promise<Example[]> =>
  examplesIn(path, await readFile(join(repository, path), 'utf8'))

/** The README and every page in `docs/`, with their examples in the order in which they stand. */
export const examplePages = async (): Promise<ExamplePage[]> => {
  const docs = await readdir(join(repository, 'docs'), { recursive: true })
  const paths = ['README.md', ...docs.filter(name => name.endsWith('.md')).map(name => `docs/${name}`)].sort()
  return Promise.all(paths.map(async path => ({ path, examples: await examplesOf(path) })))
}
