import { afterEach } from 'vitest'
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
