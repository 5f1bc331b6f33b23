import { createHash } from 'node:crypto'

/** An encryption key for tests, the same for the same number. */
export const keyOf = (number: number): string => createHash('sha256').update(String(number)).digest('base64')
