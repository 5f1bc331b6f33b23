import type { Channel } from '../../../channels/index.ts'
import type { AccountRow } from '../../../ports/storage.ts'
import type { Rule } from '../../../schemas/rules.ts'
import type { AccountsContext } from './senders.ts'
import { aboutOf, candidatesOf } from './senders.ts'

/** Why an account is paused, and until when. */
export type AccountPause = {
  /**
   * The transport's code, such as `smtp_535`. Some codes mean that the account was not refused: `daily_limit`, it has sent
   * its daily maximum; `many_failures` and `slow_answers`, other accounts send meanwhile.
   */
  readonly code: string
  /** The transport's message; null: another process received it. */
  readonly message: string | null
  /** When the pause began. */
  readonly since: Date
  /** When one message tries the account again. */
  readonly until: Date
}
/**
 * A pause for some destinations only: the account works, but its sender may not send to addresses that begin with
 * `destination` (`+44`).
 */
export type DestinationPause = AccountPause & { readonly destination: string }

/** What is paused and is tried by a message, and how often it was refused when the attempt began. */
export type Probe = { readonly account: string; readonly refusals: number }
/** What a message waits for, one of these, and the rule by which it does. */
export type Paused = { readonly waitingFor: readonly string[]; readonly rule: PauseRule }
export type PauseRule = Extract<Rule, 'account_paused' | 'account_limited' | 'account_failing' | 'sender_paused'>
/** `destination`: the account is well, and its sender may not send to the addresses that begin so. */
export type Refusal = {
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number | undefined
  readonly destination: string | null
  readonly probe: Probe | null
  /** Other accounts of the organization may send. */
  readonly hasOthers: boolean
}
export type AccountUser = { readonly organizationId: string; readonly channel: Channel }

/** `organizationId` null: the host application's own account. `destination` null: nothing is sent through the account. */
export type PausedAccount = AccountPause & {
  readonly organizationId: string | null
  readonly channel: Channel
  /** Of the account, which stays the same whatever it signs in with. */
  readonly accountId: string | null
  readonly provider: string
  readonly destination: string | null
}

/** What is paused, the longest first, without accounts whose credentials nobody uses any more. */
export async function reportOf(
  context: AccountsContext,
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
export async function abandonedOf(context: AccountsContext, rows: readonly AccountRow[]): Promise<AccountRow[]> {
  const owned = rows.filter(({ organizationId }) => organizationId !== null)
  const aboutRow = await byOwners(context, owned)
  return owned.filter((row) => aboutRow(row) === null)
}

/** What a row is about, by the accounts that its owner has now; null: it has none such any more. One without an owner is the host application's. */
async function byOwners(context: AccountsContext, rows: readonly AccountRow[]) {
  const accountsOf = await candidatesOf(
    context,
    rows.flatMap(({ organizationId }) => organizationId ?? []),
  )
  return ({ organizationId, channel, account }: AccountRow) => {
    for (const { accountId, sender } of accountsOf(organizationId, channel)) {
      const about = typeof sender === 'string' ? null : aboutOf(sender, account)
      if (about !== null) return { accountId, ...about }
    }
    return null
  }
}
