import type { Channel } from '../../../channels/index.ts'
import type { LinkPurpose } from '../../../schemas/link.ts'
import type { Category, RecipientType } from '../../../schemas/vocabulary.ts'
import { never, optional, required, type Table, word } from './columns.ts'

export const linkTables = {
  /** Links of messages by a keyed hash of their token, which is nowhere else. One that is revoked keeps its row until it expires. */
  notification_links: {
    columns: {
      hash: required('text'),
      organization_id: required('text'),
      purpose: never(word<LinkPurpose | 'revoked'>()),
      recipient_type: never(word<RecipientType>()),
      recipient_id: required('recipient'),
      appointment_id: optional('appointment'),
      channel: word<Channel>(),
      category: word<Category>(),
      /** Of an answer: the start that the message named. */
      starts_at: optional('instant'),
      /** Of an address that is to be proven: itself, encrypted. */
      contact: optional('text'),
      expires_at: required('instant'),
      created_at: required('instant'),
    },
    primaryKey: ['hash'],
    indexes: [
      { name: 'notification_links_expiry', columns: ['expires_at'] },
      { name: 'notification_links_recipient', columns: ['recipient_type', 'recipient_id'] },
      { name: 'notification_links_appointment', columns: ['appointment_id'], whereNotNull: 'appointment_id' },
    ],
  },
} as const satisfies Record<string, Table>
