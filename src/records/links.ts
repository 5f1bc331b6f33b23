import { type Command, each } from '../ports/rows/rows.ts'
import type { LinkRow, LinksOf } from '../ports/storage/links.ts'
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
  stages: [],
  run: each((rows, of) => {
    if ('hash' in of) rows.deleteBy('notification_links', { hash: of.hash })
    else if ('recipient' in of) {
      const { type, id } = of.recipient
      const recipient = { recipient_type: type, recipient_id: rows.ids('recipient', id) }
      rows.deleteBy('notification_links', { organization_id: of.organizationId, ...recipient })
    } else {
      const appointment_id = rows.ids('appointment', of.appointmentId)
      rows.deleteBy('notification_links', { organization_id: of.organizationId, appointment_id })
    }
    return true
  }),
  held: null,
}
