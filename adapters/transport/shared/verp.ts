import { createHmac, timingSafeEqual } from 'node:crypto'
import { NotificationError } from '../../../src/errors.ts'
import type { OutboundMessage, SignedSender } from '../../../src/index.ts'

/** Gives each message a sender of its own (VERP), so that its bounce names it whatever the mail server leaves out of it. */
export type VerpOptions = {
  /**
   * A mailbox of yours that takes addresses with a plus sign: of `bounces@mail.clinic.example` messages are sent from
   * `bounces+<number>-<signature>@mail.clinic.example`. At most 30 characters before the @.
   */
  readonly address: string
  /** Signs these addresses: at least 32 characters, the same for `smtp()` and `bounces()`. */
  readonly secret: string
}

const macLength = 20
const shape = /^([a-z0-9]{1,8})-([0-9a-f]{20})$/

/** @throws NotificationError `options_invalid` naming `what`. */
export function createVerp(what: string, { address, secret }: VerpOptions) {
  const [, name = '', domain = ''] = /^([^\s@+<>"(),:;]{1,30})@([^\s@<>"(),:;]{1,200})$/.exec(address) ?? []
  if (name === '') {
    throw invalid(what, 'address must be an address such as "bounces@mail.clinic.example", with no plus sign in it')
  }
  if (secret.length < 32) throw invalid(what, 'secret must have at least 32 characters')
  const macOf = (id: number, key: string): string =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['verp v1', id, key]))
      .digest('hex')
      .slice(0, macLength)
  const [start, end] = [`${name}+`.toLowerCase(), `@${domain}`.toLowerCase()]

  return {
    domain: domain.toLowerCase(),

    /** The envelope sender of a message; null: it has no row that a bounce could be recorded of. */
    senderOf({ notificationId, idempotencyKey }: Pick<OutboundMessage, 'notificationId' | 'idempotencyKey'>) {
      if (notificationId === 0) return null
      return `${name}+${notificationId.toString(36)}-${macOf(notificationId, idempotencyKey)}@${domain}`
    },

    /** The first of these addresses that has the shape of a sender. */
    read(addresses: readonly string[]): SignedSender | null {
      for (const one of addresses) {
        // Some servers change the case on the way.
        const sender = one.toLowerCase()
        if (!sender.startsWith(start) || !sender.endsWith(end)) continue
        const [, id, mac] = shape.exec(sender.slice(start.length, -end.length)) ?? []
        if (id === undefined || mac === undefined) continue
        const notificationId = Number.parseInt(id, 36)
        // What no row can have is nobody's number, and no database is asked for it.
        if (notificationId < 1 || notificationId >= 2 ** 31) continue
        const signs = (key: string) => timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(notificationId, key)))
        return { notificationId, signs }
      }
      return null
    },
  }
}
export type Verp = ReturnType<typeof createVerp>

const invalid = (what: string, message: string): NotificationError =>
  new NotificationError('options_invalid', `${what}: verp.${message}.`, { field: 'verp' })
