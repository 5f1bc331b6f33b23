import type { AccountRow } from '../ports/storage.ts'
import type { Channel } from '../schemas/vocabulary.ts'
import type { AccountPause } from './accounts.ts'
import type { Context } from './context.ts'
import { aboutOf } from './dispatch/account-gate.ts'
import type { Provider } from './providers.ts'

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
  const owners = await ownersOf(context, rows)
  return rows
    .flatMap((row) => {
      const about = owners.about(row)
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
  const owners = await ownersOf(context, owned)
  return owned.filter((row) => owners.about(row) === null)
}

/** By what their owners send now. */
async function ownersOf({ options, providers }: Context, rows: readonly AccountRow[]) {
  const ids = [...new Set(rows.flatMap(({ organizationId }) => (organizationId === null ? [] : [organizationId])))]
  const settings = ids.length === 0 ? [] : await options.storage.settings.get(ids)
  const senderOf = ({ organizationId, channel }: AccountRow): Provider | null =>
    providers.sender(settings.find((one) => one?.organizationId === organizationId) ?? null, channel)
  return {
    about(row: AccountRow) {
      const provider = senderOf(row)
      return provider === null ? null : aboutOf(provider, row.account)
    },
  }
}
