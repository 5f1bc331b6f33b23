import { randomUUID } from 'node:crypto'

/** Names for the statements of commands, by their text. */
export type StatementNames = {
  readonly of: (text: string) => string | undefined
  /** False once it was given up. */
  readonly isGiving: () => boolean
  /** Names nothing any more. */
  readonly giveUp: () => void
}

/** A connection keeps what it prepared as long as it lives, so there are only so many. */
const most = 200

/**
 * Half of what a small statement costs the server is to parse and to plan it. A host may stand behind a pooler that hands
 * every transaction another connection and cannot follow prepared statements, or may add a column while connections are
 * open; then the server refuses (`isUnprepared`) and statements go without names from there on.
 */
export function statementNames(): StatementNames {
  // Others may use the same connections: another storage of this process, and behind a pooler every process.
  const owner = `notifications_${randomUUID()}`
  const names = new Map<string, string>()
  let given = true
  return {
    of(text) {
      if (!given) return undefined
      const known = names.get(text)
      if (known !== undefined || names.size >= most) return known
      const name = `${owner}_${names.size}`
      names.set(text, name)
      return name
    },
    isGiving: () => given,
    giveUp() {
      given = false
    },
  }
}
