/** The examples as processes that fail: whoever starts them sees it by the exit code. They need what was built. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { runCommand, runScript } from '../support/run-script.ts'

/** Runs the quickstart with one of its files changed as it is loaded. */
const runChanged = (file: string, from: string, to: string) => {
  const hooks = `
    import { registerHooks } from 'node:module'
    registerHooks({
      load(url, context, next) {
        const loaded = next(url, context)
        if (!url.endsWith('/quickstart/${file}')) return loaded
        return { ...loaded, source: String(loaded.source).replace(${JSON.stringify(from)}, ${JSON.stringify(to)}) }
      },
    })`
  const url = `data:text/javascript,${encodeURIComponent(hooks)}`
  return runCommand('node --import "$1" examples/quickstart/main.ts', [url])
}

it('the quickstart exits with 1 where something did not happen, and names it', { timeout: 60_000 }, async () => {
  const { code, output, left } = await runChanged('inbox.ts', 'mail.messageId', '""')
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain('Failed checks (1): seven mails, each with its own Message-ID')
})

it('the quickstart exits with 1 where it cannot go on, and cleans up', async () => {
  const { code, output, left } = await runChanged('story.ts', 'clinic.book(104', 'clinic.book(0, null')
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain('The quickstart failed')
})

it.each(['clinic', 'task-manager'])('%s exits with 1 where its port is taken', async (name) => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { code, output, left } = await runScript(name, [], { env: { PORT: String(port), DATABASE_FILE: ':memory:' } })
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain('EADDRINUSE')
})

it('distributed exits with 1 without a database', async () => {
  const { code, output, left } = await runScript('distributed', [])
  expect([code, left], output).toEqual([1, []])
  expect(output).toContain('DATABASE_URL')
})
