import type { Channel } from '../../../channels/index.ts'
import type { SuppressionCause } from '../../../schemas/vocabulary.ts'
import { never, optional, required, type Table, times, word } from './columns.ts'

export const addressTables = {
  /**
   * What is known of an address, in normal form: one row for all who have it. Organization '' is the host application's own account:
   * what holds for everybody who sends by it. Devices are addresses too, of a channel of their own.
   */
  notification_addresses: {
    columns: {
      id: required('serial'),
      organization_id: required('text'),
      channel: never(word<Channel>()),
      address: required('text'),
      last_worked_at: optional('instant'),
      unknown_since: optional('instant'),
      suppressed_at: optional('instant'),
      suppression_cause: word<SuppressionCause>(),
      suppression_code: optional('text'),
      lifted_at: optional('instant'),
      proven_at: optional('instant'),
      /** When a message last came from it: on some channels it opens a window for free text. */
      heard_at: optional('instant'),
      /** When its person was last notified of what: a JSON object of instants by word. */
      answered: optional('json'),
      /** Whose preferences an opt-out changed, and what they were before: what START brings back. */
      taken: optional('json'),
      ...times,
    },
    indexes: [
      {
        name: 'notification_addresses_identity',
        columns: ['address', 'channel', 'organization_id'],
        unique: true,
      },
      {
        name: 'notification_addresses_suppressed',
        columns: ['organization_id', 'id'],
        whereNotNull: 'suppressed_at',
      },
    ],
  },
  /**
   * Until version 9 what `notification_addresses` has now, and still written by such a library beside this one. An opt-out that it
   * records is not lost: the provider refuses the next message too, and then it is in the right place. To be dropped in the
   * release after this one.
   */
  notification_suppressions: {
    columns: {
      organization_id: required('text'),
      channel: never(word<Channel>()),
      address: required('text'),
      reason: required('text'),
      created_at: required('instant'),
    },
    primaryKey: ['organization_id', 'channel', 'address'],
    indexes: [],
  },
} as const satisfies Record<string, Table>
