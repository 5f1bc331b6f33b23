import type { Channel } from '../channels/index.ts'
import { isPersons } from '../domain/address.ts'
import { isSamePerson, withConsent } from '../domain/consent.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import type { Absence, NumberedTable, Rows } from '../ports/rows/rows.ts'
import type { AddressNews, AddressRef, AddressReport, Party, Taken } from '../ports/storage/addresses.ts'
import type { Actor } from '../schemas/audit.ts'
import { channelPreferences } from '../schemas/channel-settings.ts'
import type { PreferencesValues } from '../schemas/preferences.ts'
import type { ConsentHow } from '../schemas/vocabulary.ts'
import { decodeTaken } from './codecs/addresses.ts'
import { appendConsent, isSaidByAddress } from './consent-record.ts'
import { preferencesAbsence, preferencesInserts, writePreferences } from './preferences.ts'

const of = ({ organizationId: organization_id, channel, address }: AddressRef) => ({
  organization_id,
  channel,
  address,
})

/** With what they had before an opt-out by their address: of several in a row before the first, which left nothing to the others. */
export function withTaken(
  taken: Taken[],
  person: Party,
  before: PreferencesValues,
  [channel]: readonly Channel[],
): Taken[] {
  if (channel === undefined) return taken
  const { enabled } = channelPreferences(before, channel)
  if (enabled === false) return taken
  return [...taken.filter((one) => !isSamePerson(one, person)), { ...person, enabled }]
}

/** Who got a message, and refuses more of them. */
export const refuserOf = (report: AddressReport | null): Party | null =>
  report?.news.kind === 'suppressed' && isPersons(report.news.cause) ? (report.news.person ?? null) : null

/** For a report that may change preferences: that nobody else creates them, and what is inserted, at most. */
export const reportAbsences = (report: AddressReport | null, ids: IdCodec): Absence[] => {
  const person = refuserOf(report)
  return person === null ? [] : [preferencesAbsence(person.recipient, ids)]
}
export const reportInserts = (report: AddressReport | null): (readonly [NumberedTable, number])[] => {
  if (report?.news.kind !== 'suppressed' || !isPersons(report.news.cause)) return []
  const person = refuserOf(report)
  return [['notification_addresses', 1], ...(person === null ? [] : [preferencesInserts(person.recipient)])]
}

/** A refusal by the address: recorded, and in the preferences of who got the message. */
export function refused(
  rows: Rows,
  { news, ...ref }: AddressReport & { news: SuppressedNews },
  at: Date,
  by: Actor,
): void {
  const { organizationId, channel } = ref
  const how: ConsentHow = by.kind !== 'system' ? 'staff' : news.cause === 'complaint' ? 'complaint' : 'provider'
  const row = rows.get(keys.address, of(ref))
  const said = { how, wording: null, addressId: row?.id ?? null }
  appendConsent(rows, { ...said, organizationId, act: 'refused', channel, category: null, recipient: null, by, at })
  const { person = null } = news
  if (person === null) return
  const before = row === undefined ? [] : [...decodeTaken(row)]
  let taken = before
  const change = (values: PreferencesValues) => {
    taken = withTaken(before, person, values, [channel])
    return withConsent(values, 'refused', [channel], null)
  }
  writePreferences(rows, person, change, { ...said, by, at })
  if (row !== undefined && taken !== before) {
    rows.update('notification_addresses', row.id, { taken: JSON.stringify(taken) })
  }
}
type SuppressedNews = Extract<AddressNews, { kind: 'suppressed' }>

/** What an opt-out took, to who has it still as the opt-out left it. */
export function giveBack(
  rows: Rows,
  { people, at, by, ...ref }: AddressRef & { people: readonly Party[]; at: Date; by: Actor },
  addressId: number,
): void {
  const row = rows.get(keys.address, of(ref))
  const taken = row === undefined ? [] : decodeTaken(row)
  const { organizationId, channel } = ref
  const said = { how: 'staff', wording: null, addressId, by, at } as const
  appendConsent(rows, { ...said, organizationId, act: 'given', channel, category: null, recipient: null })
  for (const person of people) {
    const was = taken.find((one) => isSamePerson(one, person))
    if (was !== undefined && isSaidByAddress(rows, person, channel))
      writePreferences(rows, person, (values) => restored(values, was, channel), said)
  }
}

/** Preferences as they were before an opt-out, where they are as it left them. */
export const restored = (values: PreferencesValues, was: Taken, channel: Channel): PreferencesValues =>
  channelPreferences(values, channel).enabled === false
    ? withConsent(values, was.enabled ?? 'inherited', [channel], null)
    : values
