import { afterEach, beforeEach, vi } from 'vitest'
import { type SmtpOptions, smtp } from '../../../../adapters/transport/smtp.ts'
import { silentLogger, type Transport } from '../../../../src/index.ts'
import { type SmtpServerSettings, startSmtpServer } from '../../../support/smtp-server.ts'
import { type Script, type ScriptedServerOptions, startScriptedServer } from './scripted-server.ts'

/** Transports and servers of the tests of a file, closed after each, the last first. */
export function stage() {
  const cleanups: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
  return {
    cleanups,
    transport(options: SmtpOptions = {}): Transport {
      const made = smtp({ logger: silentLogger, ...options })
      cleanups.push(async () => made.close?.())
      return made
    },
    async server(settings: SmtpServerSettings = {}) {
      const made = await startSmtpServer(settings)
      cleanups.push(made.close)
      return made
    },
    async scripted(script: Script = () => undefined, options: ScriptedServerOptions = {}) {
      const made = await startScriptedServer(script, options)
      cleanups.push(made.close)
      return made
    },
  }
}

/** Lets sockets do what they can do now. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1)
}

/** The timers of the transport stand still unless time is passed; sockets are real. For servers without timers. */
export function drivenTime(): { readonly pass: (ms: number) => Promise<void> } {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())
  return {
    async pass(ms) {
      await turns(50)
      await vi.advanceTimersByTimeAsync(ms)
      await turns(50)
    },
  }
}
