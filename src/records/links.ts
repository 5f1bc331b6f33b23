import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, read } from '../ports/rows/rows.ts'
import type { LinkRow, LinksOf } from '../ports/storage/links.ts'
import type { EntityId, RecipientRef } from '../schemas/common.ts'
import { encodeLink } from './codecs/links.ts'

/** `LinkStore.add`. */
export const links: Command<LinkRow, true> = {
  stages: [],
  run: each((rows, link) => {
    rows.ensure('notification_links', encodeLink(link, rows.ids))
    return true
  }),
  held: null,
}

/** `LinkStore.revoke`. */
export const revocations: Command<LinksOf, true> = {
  stages: [
    (of, { ids }) => {
      if ('hash' in of) return [read(keys.link, of, 'none')]
      if ('recipient' in of) return [read(keys.linksOfRecipient, recipientOf(of, ids), 'none')]
      return [read(keys.linksOfAppointment, appointmentOf(of, ids), 'none')]
    },
  ],
  run: each((rows, of) => {
    const { ids } = rows
    const found =
      'hash' in of
        ? rows.list(keys.link, of)
        : 'recipient' in of
          ? rows.list(keys.linksOfRecipient, recipientOf(of, ids))
          : rows.list(keys.linksOfAppointment, appointmentOf(of, ids))
    for (const link of found) {
      if ('organizationId' in of && link.organization_id !== of.organizationId) continue
      rows.deleteBy('notification_links', { hash: link.hash })
      rows.ensure('notification_links', { ...link, purpose: 'revoked', contact: null })
    }
    return true
  }),
  held: null,
}

const recipientOf = ({ recipient: { type, id } }: Extract<LinksOf, { recipient: RecipientRef }>, ids: IdCodec) => ({
  recipient_type: type,
  recipient_id: ids('recipient', id),
})
const appointmentOf = ({ appointmentId }: Extract<LinksOf, { appointmentId: EntityId }>, ids: IdCodec) => ({
  appointment_id: ids('appointment', appointmentId),
})
