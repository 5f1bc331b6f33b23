import { statSync } from 'node:fs'
import { replacedError } from './errors.ts'

/** Which file is at a path; null: none is. A few microseconds. */
function fileAt(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev}:${found.ino}`
}

/**
 * An open connection goes on with a file that was deleted or replaced, and nobody ever sees what it writes there. The returned
 * check throws where the path, or that of the write-ahead log, leads to another file than when it was opened.
 */
export function sameFileCheck(path: string): () => void {
  const opened = fileAt(path)
  const logPath = `${path}-wal`
  // It is there with the first transaction, and until the last connection is closed.
  let log: string | null = null
  return () => {
    const found = fileAt(logPath)
    log ??= found
    if (fileAt(path) !== opened) throw replacedError(path)
    if (found !== log) throw replacedError(logPath)
  }
}
