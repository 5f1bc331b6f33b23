import type { LogFields, Logger, TransportError } from '../../../src/index.ts'
import { messageFirst } from '../../../src/ports/logger.ts'
import { isPuzzling } from './failures.ts'

const quietMs = 60_000
const mostKinds = 1000

/** Logs what no rule understood, a kind at most once a minute and with the count of those in between. */
export function puzzleLog(given: Logger): (error: TransportError, fields: LogFields) => void {
  const logger = messageFirst(given)
  const kinds = new Map<string, { loggedAt: number; unlogged: number }>()
  return (error, fields) => {
    if (!isPuzzling(error)) return
    const { code, message } = error
    const key = `${fields['organizationId']} ${message}`
    const kind = kinds.get(key)
    const now = performance.now()
    if (kind !== undefined && now - kind.loggedAt < quietMs) {
      kind.unlogged += 1
      return
    }
    if (kinds.size >= mostKinds) kinds.clear()
    kinds.set(key, { loggedAt: now, unlogged: 0 })
    const { outcome, scope } = error
    const repeated = kind?.unlogged ?? 0
    logger.warn('unknown response of a mail server', {
      ...fields,
      code,
      outcome,
      scope,
      answer: message,
      repeated,
    })
  }
}
