import { afterEach } from 'vitest'
import { type SmtpOptions, smtp } from '../../../../adapters/transport/smtp.ts'
import type { Transport } from '../../../../src/index.ts'
import { type SmtpServerSettings, startSmtpServer } from '../../../support/smtp-server.ts'

/** Transports and servers of the tests of a file, closed after each, the last first. */
export function stage() {
  const cleanups: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  })
  return {
    cleanups,
    transport(options: SmtpOptions = {}): Transport {
      const made = smtp(options)
      cleanups.push(async () => made.close?.())
      return made
    },
    async server(settings: SmtpServerSettings = {}) {
      const made = await startSmtpServer(settings)
      cleanups.push(made.close)
      return made
    },
  }
}
