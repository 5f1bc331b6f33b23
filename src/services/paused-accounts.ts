import type { AccountRow } from '../ports/storage.ts'
import type { Channel } from '../schemas/vocabulary.ts'
import type { AccountPause } from './accounts.ts'
import type { Context } from './context.ts'
import { aboutOf, sendersOf } from './senders.ts'

/** `organizationId` null: the host application's own account. `destination` null: nothing is sent through the account. */
export type PausedAccount = AccountPause & {
  readonly organizationId: string | null
  readonly channel: Channel
  readonly provider: string
  readonly destination: string | null
}

/** What is paused, the longest first, without accounts whose credentials nobody uses any more. */
export async function reportOf(
  context: Context,
  rows: readonly AccountRow[],
  pauseOf: (row: AccountRow) => AccountPause,
): Promise<PausedAccount[]> {
  const aboutRow = await byOwners(context, rows)
  return rows
    .flatMap((row) => {
      const about = aboutRow(row)
      if (about === null) return []
      const { organizationId, channel, provider } = row
      return [{ organizationId, channel, provider, ...about, ...pauseOf(row) }]
    })
    .toSorted((one, other) => one.since.getTime() - other.since.getTime())
}

/**
 * Accounts whose credentials their organization has replaced: nobody will try them again. Those of the host application stay,
 * since another process may have them in its options.
 */
export async function abandonedOf(context: Context, rows: readonly AccountRow[]): Promise<AccountRow[]> {
  const owned = rows.filter(({ organizationId }) => organizationId !== null)
  const aboutRow = await byOwners(context, owned)
  return owned.filter((row) => aboutRow(row) === null)
}

/** What a row is about, by what its owner sends now; null: nobody sends so any more. One without an owner is the host application's. */
async function byOwners(context: Context, rows: readonly AccountRow[]) {
  const ids = rows.flatMap(({ organizationId }) => organizationId ?? [])
  const senderOf = await sendersOf(context, ids)
  return ({ organizationId, channel, account }: AccountRow) => {
    const isHosts = organizationId === null
    const provider = isHosts ? context.providers.sender(null, channel) : senderOf({ organizationId, channel })
    return provider === null ? null : aboutOf(provider, account)
  }
}
