import { email } from '../channels/email.ts'
import { isPersons } from '../domain/address.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import { type AddressReport, sharedSender } from '../ports/storage/addresses.ts'
import type { HashedAddress, Refusal } from '../ports/storage/personal.ts'
import { hashedMark, refusalCodes } from '../schemas/erased.ts'
import { addressReads, newRow } from './addresses.ts'

export const refOf = ({ organizationId: organization_id, channel }: HashedAddress, address: string) => ({
  organization_id,
  channel,
  address,
})

/** The rows of one address: the organization's, and that of the sender it may share with others. */
export const both = (one: HashedAddress): readonly HashedAddress[] =>
  one.organizationId === sharedSender ? [one] : [one, { ...one, organizationId: sharedSender, refusal: null }]

const mark = { organizationId: sharedSender, channel: email.name, address: hashedMark } as const

/** That there are hashed addresses: who reads addresses looks for hashes from then on. */
export const markHashed = (rows: Rows, at: Date): void => rows.ensure('notification_addresses', newRow(mark, at))

type Erased = Pick<Row<'notification_history'>, 'erased_at' | 'erased_hash'>

/** Of a report on a message to somebody who was erased only a refusal counts, by the hash of the address; null: nothing does. */
export function reportByHash({ erased_hash: address }: Erased, report: AddressReport | null): AddressReport | null {
  if (address === null || report?.news.kind !== 'suppressed' || !isPersons(report.news.cause)) return null
  return { ...report, address, news: { ...report.news, person: null } }
}

/** Of a message to somebody who was erased: the rows of its hashed address, where a report refuses more of them. */
export function hashReads(row: Erased | undefined, report: AddressReport | null): Read[] {
  const hashed = row?.erased_at == null ? null : reportByHash(row, report)
  return hashed === null ? [] : addressReads(hashed, 'none')
}

/** A row that says whether something may be sent stays, under the hash; any other goes. */
export function eraseAddress(
  rows: Rows,
  one: HashedAddress,
  at: Date,
): { readonly id: number | null; readonly hashed: boolean } {
  const row = rows.get(keys.address, refOf(one, one.address))
  const { organizationId: organization_id, channel, address } = one
  const isKept = row !== undefined && (row.suppressed_at !== null || row.lifted_at !== null)
  // Nobody could make a hash, and it was refused in this very moment.
  if (isKept && one.hash === hashedMark) return { id: null, hashed: false }
  rows.deleteBy('notification_suppressions', { organization_id, channel, address })
  rows.deleteBy('notification_inbound', { organization_id, channel, address })
  // What was said by the person went with them; this is what nobody knew the writer of.
  rows.deleteBy('notification_answers', { channel, address })
  if (row !== undefined) rows.deleteBy('notification_addresses', { id: row.id })
  if (!isKept && one.refusal === null) return { id: row?.id ?? null, hashed: false }
  const known = one.refusal === null || !isNews(one.refusal, row) ? {} : refusedBy(one.refusal, at)
  const kept = {
    ...(row ?? newRow({ ...one, address: one.hash }, at)),
    ...known,
    id: unassigned,
    address: one.hash,
    last_worked_at: null,
    heard_at: null,
    answered: null,
    taken: null,
  }
  // The same address may come again, by another of the person's messages.
  const isNew = rows.get(keys.address, refOf(one, one.hash)) === undefined
  if (isNew) rows.append('notification_addresses', kept)
  markHashed(rows, at)
  return { id: row?.id ?? null, hashed: isNew }
}

/** What was refused by an opt-out is in the row already; the person's own word is more than that, since START does not take it back. */
const isNews = (refusal: Refusal, row: Row<'notification_addresses'> | undefined): boolean =>
  row?.suppressed_at == null || (refusal === 'own' && row.suppression_cause === 'stop')

const refusedBy = (refusal: Refusal, at: Date) =>
  ({ suppressed_at: at.getTime(), suppression_cause: 'stop', suppression_code: refusalCodes[refusal] }) as const

/** `PersonalCommands.restoreAddress`. */
export const addressRestorations: Command<{ readonly hashed: HashedAddress; readonly at: Date }, true> = {
  stages: [
    ({ hashed }) => [read(keys.address, refOf(hashed, hashed.address)), read(keys.address, refOf(hashed, hashed.hash))],
  ],
  run: each((rows, { hashed, at }) => {
    const row = rows.get(keys.address, refOf(hashed, hashed.hash))
    if (row === undefined) return true
    const known = rows.get(keys.address, refOf(hashed, hashed.address))
    rows.deleteBy('notification_addresses', { id: row.id })
    if (known === undefined) {
      // Not only where it is not there: a row that somebody else inserts meanwhile knows nothing of the opt-out.
      rows.append('notification_addresses', {
        ...row,
        id: unassigned,
        address: hashed.address,
        updated_at: at.getTime(),
      })
    } else if (known.suppressed_at === null) {
      const { suppressed_at, suppression_cause, suppression_code } = row
      const change = { suppressed_at, suppression_cause, suppression_code, updated_at: at.getTime() }
      rows.update('notification_addresses', known.id, change)
    }
    return true
  }),
  held: null,
}
