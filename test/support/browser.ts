/** A headless Chromium, spoken to over its DevTools protocol: no package in between. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
/** `CHROMIUM` names one elsewhere; null: there is none. */
export const chromium: string | null = process.env['CHROMIUM'] ?? places.find((place) => existsSync(place)) ?? null

const message = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  result: z.looseObject({}).optional(),
  error: z.object({ message: z.string() }).optional(),
})
const evaluated = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.unknown().optional(),
})
const target = z.object({ webSocketDebuggerUrl: z.string(), type: z.string() })

export type Tab = {
  send(method: string, params?: object): Promise<Record<string, unknown>>
  open(url: string): Promise<void>
  /** The value of an expression in the page, whatever its Content-Security-Policy says. */
  value(expression: string): Promise<unknown>
  press(key: string, code?: number): Promise<void>
  /** Resolves when the next page is there. */
  loaded(cause: () => Promise<unknown>): Promise<void>
  screenshot(): Promise<Buffer>
}

export async function openBrowser(program: string): Promise<{ readonly tab: Tab; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'browser-'))
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--remote-debugging-port=0',
    `--user-data-dir=${folder}`,
  ]
  const browser = spawn(program, [...flags, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const origin = await new Promise<string>((resolve, reject) => {
    let text = ''
    browser.once('exit', () => reject(new Error(`the browser ended: ${text}`)))
    browser.stderr.on('data', (part: Buffer) => {
      text += String(part)
      const host = /ws:\/\/([^/]+)\//.exec(text)?.[1]
      if (host !== undefined) resolve(`http://${host}`)
    })
  })
  const targets = z.array(target).parse(await (await fetch(`${origin}/json`)).json())
  const page = targets.find(({ type }) => type === 'page')
  if (page === undefined) throw new Error('the browser has no page')
  const socket = new WebSocket(page.webSocketDebuggerUrl)
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }))
  const waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>()
  const loads = new Set<() => void>()
  socket.addEventListener('message', ({ data }) => {
    const { id, method, result, error } = message.parse(JSON.parse(String(data)))
    if (method === 'Page.loadEventFired') for (const one of loads) one()
    const asked = id === undefined ? undefined : waiting.get(id)
    if (error !== undefined) asked?.reject(new Error(error.message))
    else asked?.resolve(result ?? {})
  })
  let last = 0
  const send: Tab['send'] = (method, params = {}) => {
    last += 1
    const asked = Promise.withResolvers<Record<string, unknown>>()
    waiting.set(last, asked)
    socket.send(JSON.stringify({ id: last, method, params }))
    return asked.promise
  }
  const loaded: Tab['loaded'] = async (cause) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    loads.add(resolve)
    await cause()
    await promise
    loads.delete(resolve)
  }
  await send('Page.enable')
  const tab: Tab = {
    send,
    loaded,
    open: (url) => loaded(() => send('Page.navigate', { url })),
    async value(expression) {
      const answer = evaluated.parse(
        await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }),
      )
      if (answer.exceptionDetails !== undefined) throw new Error(JSON.stringify(answer.exceptionDetails))
      return answer.result.value
    },
    async press(key, code = 0) {
      const text = key === 'Enter' ? '\r' : key === ' ' ? ' ' : undefined
      const about = { key, code: key, windowsVirtualKeyCode: code, ...(text === undefined ? {} : { text }) }
      await send('Input.dispatchKeyEvent', { type: text === undefined ? 'rawKeyDown' : 'keyDown', ...about })
      await send('Input.dispatchKeyEvent', { type: 'keyUp', ...about })
    },
    async screenshot() {
      const { data } = z
        .object({ data: z.string() })
        // Beyond the viewport, pages from right to left would be moved aside.
        .parse(await send('Page.captureScreenshot', { format: 'png' }))
      return Buffer.from(data, 'base64')
    },
  }
  return {
    tab,
    async close() {
      socket.close()
      browser.removeAllListeners('exit')
      const ended = new Promise((resolve) => browser.once('exit', resolve))
      browser.kill()
      await ended
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
