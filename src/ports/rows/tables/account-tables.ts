import type { Channel } from '../../../channels/index.ts'
import { never, optional, required, type Table, word } from './columns.ts'

/** Provider accounts that were refused, the work that waits for them, and credentials that were replaced. */
export const accountTables = {
  notification_accounts: {
    columns: {
      account: required('text'),
      organization_id: optional('text'),
      channel: never(word<Channel>()),
      provider: required('text'),
      code: required('text'),
      paused_since: required('instant'),
      refusals: required('int'),
      probe_at: required('instant'),
    },
    primaryKey: ['account'],
    indexes: [],
  },
  /**
   * Work that was put off to its last moment because its account is paused: an index over few rows, in place of one more on
   * the large tables. An entry whose row has another due time by now is out of date, and harmless.
   */
  notification_waiting: {
    columns: {
      account: required('text'),
      due_at: required('instant'),
      work: never(word<'reminder' | 'delivery'>()),
      work_id: required('int'),
      organization_id: required('text'),
    },
    primaryKey: ['account', 'due_at', 'work', 'work_id'],
    clustered: true,
    indexes: [],
  },
  /** Credentials that were replaced: reports that providers signed with them are accepted until `expires_at`. */
  notification_previous_accounts: {
    columns: {
      id: required('serial'),
      account_id: required('text'),
      organization_id: optional('text'),
      channel: never(word<Channel>()),
      /** The values of the account's fields, secrets sealed. Text: it comes back to the letter. */
      account: required('text'),
      expires_at: required('instant'),
    },
    indexes: [
      { name: 'notification_previous_accounts_account', columns: ['account_id'] },
      { name: 'notification_previous_accounts_organization', columns: ['organization_id'] },
      { name: 'notification_previous_accounts_expiry', columns: ['expires_at'] },
    ],
  },
} as const satisfies Record<string, Table>
