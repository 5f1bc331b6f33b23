import type { Channel } from '../../../channels/index.ts'
import type { ActorKind } from '../../../schemas/audit.ts'
import type { Category, ConsentAct, ConsentHow, InboundMeaning, RecipientType } from '../../../schemas/vocabulary.ts'
import { never, optional, required, type Table, word } from './columns.ts'

export const consentTables = {
  /** What people said of what they want: who, how, when, and by which wording. Append-only; addresses are named by their rows. */
  notification_consents: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      at: required('instant'),
      act: never(word<ConsentAct>()),
      how: never(word<ConsentHow>()),
      actor_kind: never(word<ActorKind>()),
      actor_id: optional('text'),
      /** Null: it was said of an address, whoever has it. */
      recipient_type: word<RecipientType>(),
      recipient_id: optional('recipient'),
      /** The row of the address that it was said by or of; null: none was. */
      address_id: optional('int'),
      /** Null: every channel, or every kind of message. */
      channel: word<Channel>(),
      category: word<Category>(),
      wording: optional('text'),
    },
    indexes: [
      { name: 'notification_consents_organization', columns: ['organization_id', 'id'] },
      {
        name: 'notification_consents_recipient',
        columns: ['recipient_type', 'recipient_id', 'id'],
        whereNotNull: 'recipient_id',
      },
      { name: 'notification_consents_address', columns: ['address_id', 'id'], whereNotNull: 'address_id' },
    ],
  },
  /** What people wrote, once a message: the text only of what staff have to decide. Organization '' is the host application's own account. */
  notification_inbound: {
    columns: {
      id: required('serial'),
      account_id: required('text'),
      message_id: required('text'),
      organization_id: required('text'),
      channel: never(word<Channel>()),
      address: required('text'),
      meaning: never(word<InboundMeaning>()),
      text: optional('text'),
      received_at: required('instant'),
      /** Since when staff have something to decide; null: they have not, or decided. */
      open_at: optional('instant'),
      decided_at: optional('instant'),
    },
    indexes: [
      {
        name: 'notification_inbound_message',
        columns: ['account_id', 'message_id', 'organization_id'],
        unique: true,
      },
      { name: 'notification_inbound_address', columns: ['address'] },
      { name: 'notification_inbound_open', columns: ['organization_id', 'id'], whereNotNull: 'open_at' },
    ],
  },
} as const satisfies Record<string, Table>
