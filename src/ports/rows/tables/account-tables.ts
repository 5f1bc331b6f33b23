import type { Channel } from '../../../channels/index.ts'
import { never, optional, required, type Table, word } from './columns.ts'

/** Provider accounts that were refused, and the work that waits for them. */
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
} as const satisfies Record<string, Table>
