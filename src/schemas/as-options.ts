import { NotificationError } from '../errors.ts'

/** Runs a parser over options. @throws NotificationError `options_invalid` in place of `invalid_input`, with its fields. */
export function asOptions<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof NotificationError)) throw error
    throw new NotificationError('options_invalid', error.message, { issues: error.issues })
  }
}
