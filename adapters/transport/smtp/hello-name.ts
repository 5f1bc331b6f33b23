import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { domainOf } from './message.ts'

const dotted = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i

/**
 * The name that EHLO gives: relays refuse those without a dot. Null where none is known, and nodemailer gives the address
 * literal of loopback; that happens only in `verify`, for an account whose user name is no address.
 */
export function helloName(asked: string | undefined, sender: string | null, machine = hostname()): string | null {
  if (asked !== undefined) return asked
  if (dotted.test(machine) && isIP(machine) === 0) return machine
  return sender === null ? null : domainOf(sender)
}
