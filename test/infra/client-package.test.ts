import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { repository } from '../../infra/local/local-directory.ts'
import { type ForeignProject, foreignProject } from '../support/client-package.ts'

const execute = promisify(execFile)

describe('the package of the client', () => {
  let project: ForeignProject
  const read = (file: string) => readFile(join(project.package, file), 'utf8')

  beforeAll(async () => {
    project = await foreignProject()
  }, 120_000)
  afterAll(() => project?.remove())

  const typeCheck = async (code: string): Promise<string> => {
    await project.write('app.ts', code)
    const compilerOptions = {
      strict: true,
      noEmit: true,
      module: 'nodenext',
      target: 'es2022',
      lib: ['es2022', 'dom'],
      types: [],
    }
    await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['app.ts'] }))
    const tsc = join(repository, 'node_modules/.bin/tsc')
    return execute(tsc, ['-p', project.path, '--pretty', 'false'], { cwd: project.path, timeout: 60_000 }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
  }

  test('is under 12 KB, minified and gzipped, and needs no other package', async () => {
    const code = await read('index.js')
    expect(code.length).toBeGreaterThan(5_000)
    expect(gzipSync(code, { level: 9 }).length).toBeLessThan(12_000)
    expect(code).not.toMatch(/\bimport\b|\brequire\b|zod/)
    const { dependencies, peerDependencies } = JSON.parse(await read('package.json'))
    expect([dependencies, peerDependencies]).toEqual([undefined, undefined])
  })

  test('has types of its own, down to those of the service', async () => {
    for (const file of await readdir(join(project.package, 'types'))) {
      const imported = [...(await read(`types/${file}`)).matchAll(/from '([^']+)'/g)].map(([, path]) => path)
      for (const path of imported) expect(path).toMatch(/^\.\/[\w-]+\.js$/)
    }
    const right = `
      import { type Agent, ChatProblem, type Conversation, createChat, type Message } from 'kaha-chat-client'
      const chat = createChat({ httpUrl: '', userId: '', token: async () => '', environment: { openSocket: url => new WebSocket(url) } })
      chat.on('message', (message: Message) => { const seq: number = message.seq; void seq })
      chat.on('problem', problem => { const code: string = problem.code; void (problem instanceof ChatProblem); void code })
      const direct: Conversation = await chat.openDirect('')
      const role: 'customer' | 'agent' | 'business' | 'member' | 'admin' | undefined = direct.participants[0]?.role
      const agent: Agent = await chat.request('PUT /business/{businessId}/agents/{agentId}/configure', {
        params: { businessId: '', agentId: '' }, body: { maxConcurrentChats: 1, skills: [] },
      })
      chat.send(direct.id, 'x').status satisfies 'sending' | 'sent' | 'failed'
      export { agent, role }`
    expect(await typeCheck(right)).toBe('')

    const wrong = `
      import { createChat } from 'kaha-chat-client'
      const chat = createChat({ httpUrl: '', userId: '', token: () => '' })
      chat.on('mesage', () => {})
      chat.on('message', message => message.sequence)
      await chat.request('GET /conversations/{id}', {})
      await chat.request('GET /conversation')
      await chat.createGroup({ participants: [] })`
    const errors = (await typeCheck(wrong)).match(/^app\.ts\(\d+/gm)
    expect([...new Set(errors)]).toEqual([4, 5, 6, 7, 8].map(line => `app.ts(${line}`))
  }, 120_000)

  test('loads under Node 24 from where it is installed', async () => {
    const code = `
      import { ChatProblem, createChat } from 'kaha-chat-client'
      const chat = createChat({ httpUrl: 'http://127.0.0.1:1', userId: 'u', token: () => 't' })
      console.log(process.version.split('.')[0], typeof ChatProblem, chat.connection, chat.send('c', 'x').status)`
    expect(await project.run(code)).toBe('v24 function closed sending\n')
  })
})
