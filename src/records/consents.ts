import { channels as every } from '../channels/index.ts'
import { isAnswered, isPersons, isTakenBack, suppressionFor } from '../domain/address.ts'
import { isSamePerson, withConsent } from '../domain/consent.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import { type AddressRef, type Party, sharedSender, type Taken } from '../ports/storage/addresses.ts'
import type { ConsentCommand, ConsentOutcome, NewInbound } from '../ports/storage/consents.ts'
import type { SuppressionCause } from '../schemas/vocabulary.ts'
import { addressReads, rowIdOf, suppressRow } from './addresses.ts'
import { keepReply, readBefore } from './answers.ts'
import { appendAudit } from './audit.ts'
import { decodeAnswered, decodeStanding, decodeTaken } from './codecs/addresses.ts'
import { appendConsent } from './consent-record.ts'
import { createTally } from './counters.ts'
import { openOf, preferencesAbsence, preferencesInserts, preferencesRead, writePreferences } from './preferences.ts'
import { noteTaken, restored } from './refusals.ts'
import { queueReplan } from './settings.ts'

const of = ({ organizationId: organization_id, channel, address }: AddressRef) => ({
  organization_id,
  channel,
  address,
})

/** Null: the message was kept before. */
function keep(rows: Rows, { accountId, messageId, deciders, ...message }: NewInbound): boolean {
  const row = (organization_id: string, text: string | null): Row<'notification_inbound'> => ({
    id: unassigned,
    account_id: accountId,
    message_id: messageId,
    organization_id,
    channel: message.channel,
    address: message.address,
    meaning: message.meaning,
    text,
    received_at: message.at.getTime(),
    open_at: text === null ? null : message.at.getTime(),
    decided_at: null,
  })
  const isDecider = deciders.includes(message.organizationId)
  const first = row(message.organizationId, isDecider ? message.text : null)
  if (rows.insertNew(keys.inbound, first) === null) return false
  for (const one of deciders) if (one !== message.organizationId) rows.insertNew(keys.inbound, row(one, message.text))
  return true
}

/** The address as the sender knows it that was written to. */
const senderOf = ({ organizationId, channel, address }: NewInbound): AddressRef => ({
  organizationId,
  channel,
  address,
})

const inboundReads = ({ inbound }: ConsentCommand): Read[] =>
  inbound === null
    ? []
    : [...new Set([inbound.organizationId, ...inbound.deciders])].map((organization_id) =>
        read(keys.inbound, { account_id: inbound.accountId, message_id: inbound.messageId, organization_id }, 'none'),
      )

/** What people refuse or give, in their preferences. True if any of it is new. `late`: where they refused again since then. */
function changePeople(
  rows: Rows,
  command: ConsentCommand,
  { taken, late, addressId }: { taken: Taken[]; late: readonly AddressRef[]; addressId: number | null },
): boolean {
  const { act, people, categories, onlyTaken, how, wording, by, at } = command
  if (act !== 'refused' && act !== 'given') return false
  const changed = people.map((person) => {
    const theirs = late.filter((one) => [person.organizationId, sharedSender].includes(one.organizationId))
    const channels =
      theirs.length === 0
        ? command.channels
        : (command.channels ?? every).filter((channel) => !theirs.some((one) => one.channel === channel))
    return writePreferences(
      rows,
      person,
      (before) => {
        if (!onlyTaken) {
          if (act === 'refused' && command.addresses.length > 0) noteTaken(taken, person, before, channels ?? [])
          return withConsent(before, act, channels, categories)
        }
        const was = taken.find((one) => isSamePerson(one, person))
        const [channel] = channels ?? []
        return was === undefined || channel === undefined ? before : restored(before, was, channel)
      },
      { how, wording, addressId, by, at },
    )
  })
  return changed.includes(true)
}

function suppressionOf(rows: Rows, ref: AddressRef) {
  const standing = (one: AddressRef) => {
    const row = rows.get(keys.address, of(one))
    return row === undefined ? undefined : decodeStanding(row)
  }
  const own = standing(ref)
  const shared = ref.organizationId === sharedSender ? undefined : standing({ ...ref, organizationId: sharedSender })
  return suppressionFor(own, shared)
}

/** Whether a person refused by the address after what is given, which is reported late. */
function isLate(rows: Rows, ref: AddressRef, { at, act }: ConsentCommand): boolean {
  const suppression = act === 'given' ? suppressionOf(rows, ref) : null
  return suppression !== null && isPersons(suppression.cause) && suppression.since > at
}

/** True if it was suppressed, and is not any more. */
function open(
  rows: Rows,
  ref: AddressRef,
  { at, act, onlyTaken }: Pick<ConsentCommand, 'at' | 'act' | 'onlyTaken'>,
): boolean {
  const suppression = suppressionOf(rows, ref)
  if (suppression === null || !isTakenBack(suppression, { act, onlyStop: onlyTaken, at })) return false
  rows.update('notification_addresses', rowIdOf(rows, ref, at), {
    suppressed_at: null,
    suppression_cause: null,
    suppression_code: null,
    lifted_at: at.getTime(),
    updated_at: at.getTime(),
  })
  return true
}

const actions = {
  refused: 'address.suppressed',
  given: 'address.lifted',
  cleared: 'address.lifted',
  doubted: 'address.held',
} as const

function changeAddress(rows: Rows, ref: AddressRef, command: ConsentCommand): boolean {
  const { act, at, by, people, code, inbound } = command
  if (act === null) return false
  const cause: SuppressionCause = act === 'doubted' ? 'doubt' : command.cause
  const isOpened = act === 'given' || act === 'cleared'
  // Before it is suppressed: a row that this only appends gets its id from the database later, too late for the record.
  if (!isOpened) rowIdOf(rows, ref, at)
  const isChanged = isOpened ? open(rows, ref, command) : suppressRow(rows, ref, { cause, code }, at)
  if (!isChanged) return false
  const { channel } = ref
  const id = rowIdOf(rows, ref, at)
  const concerned = [...people.map(({ organizationId }) => organizationId), ...(inbound?.deciders ?? [])]
  const organizations = ref.organizationId === sharedSender ? new Set(concerned) : new Set([ref.organizationId])
  const tally = createTally()
  for (const organizationId of organizations) {
    const target = { type: 'address', id: String(id) } as const
    const detail = isOpened ? { channel } : { channel, cause, reason: code }
    appendAudit(rows, { organizationId, at, actor: by, action: actions[act], target, detail })
    if (act === 'refused') tally.add({ organizationId, channel, detail: code }, 'SUPPRESSED', at)
    // Reminders that were left out meanwhile are planned again.
    if (act !== 'refused') queueReplan(rows, { organizationId, recipient: null }, at)
  }
  tally.write(rows)
  return true
}

function change(rows: Rows, command: ConsentCommand): ConsentOutcome {
  const { inbound, decides, addresses, people, act, how, wording, at, by, channels } = command
  if (inbound !== null && !keep(rows, inbound)) return known
  const open = decides.filter((id) => (rows.get(keys.inboundById, { id })?.open_at ?? null) !== null)
  if (decides.length > 0 && open.length === 0) return known
  if (inbound?.handOver != null) keepReply(rows, inbound.handOver)
  for (const id of open) rows.update('notification_inbound', id, { open_at: null, decided_at: at.getTime() })
  const [home] = addresses
  if (inbound !== null) noteHeard(rows, inbound)
  const isStopped = inbound !== null && isStoppedAt(rows, senderOf(inbound))
  const late = addresses.filter((ref) => isLate(rows, ref, command))
  const changed = addresses.map((ref) => changeAddress(rows, ref, command))
  const row = home === undefined ? undefined : rows.get(keys.address, of(home))
  const taken = row === undefined ? [] : [...decodeTaken(row)]
  const before = taken.length
  const isNew = changePeople(rows, command, { taken, late, addressId: row?.id ?? null })
  // START is everybody's at the address, as far as that is known; what else is given is only of those who are named.
  const isOf = (some: readonly Party[], one: Taken) => some.some((person) => isSamePerson(one, person))
  const isOver = (one: Taken) => (command.onlyTaken ? !isOf(command.unsure ?? [], one) : isOf(people, one))
  const isGiven = act === 'given' && home !== undefined && !late.includes(home)
  const left = isGiven ? taken.filter((one) => !isOver(one)) : taken
  if (row !== undefined && left.length !== before) {
    rows.update('notification_addresses', row.id, { taken: left.length === 0 ? null : JSON.stringify(left) })
  }
  // The word of an address is recorded of the address too, whether somebody is known to have it or not.
  if (act !== null && home !== undefined) {
    const [channel = null] = channels ?? []
    const { organizationId } = home
    const said = { act, how, wording, at, by, channel, category: null, recipient: null, addressId: row?.id ?? null }
    for (const one of deciding(command, organizationId)) appendConsent(rows, { ...said, organizationId: one })
  }
  const under = people.flatMap(({ recipient }) => rows.list(keys.openOfRecipient, openOf(recipient, rows.ids)))
  const inFlight = under.filter(({ delivery_state }) => delivery_state !== 'queued').length
  const isChanged = isNew || changed.includes(true)
  const answers = inbound !== null && noteAnswered(rows, inbound, { isChanged, isStopped })
  return { status: isChanged ? 'changed' : 'unchanged', inFlight, isAnswered: answers }
}

const known: ConsentOutcome = { status: 'known', inFlight: 0, isAnswered: false }

/** That the person wrote there: also where it is reported late, after what they wrote since. */
function noteHeard(rows: Rows, inbound: NewInbound): void {
  const id = rowIdOf(rows, senderOf(inbound), inbound.at)
  const before = rows.get(keys.address, of(senderOf(inbound)))?.heard_at ?? 0
  const heard_at = Math.max(before, inbound.writtenAt.getTime())
  rows.update('notification_addresses', id, { heard_at, updated_at: inbound.at.getTime() })
}

const isStoppedAt = (rows: Rows, sender: AddressRef): boolean => {
  const row = rows.get(keys.address, of(sender))
  const cause = row === undefined ? null : (decodeStanding(row).suppression?.cause ?? null)
  return cause !== null && isPersons(cause)
}

/** Whether the person is to be told, which then counts as said. */
function noteAnswered(
  rows: Rows,
  { reply, at: now, ...message }: NewInbound,
  { isChanged, isStopped }: { readonly isChanged: boolean; readonly isStopped: boolean },
): boolean {
  const row = rows.get(keys.address, of(message))
  if (reply === null || row === undefined) return false
  const answered = decodeAnswered(row)
  if (!isAnswered(reply, { isChanged, isStopped, lastAt: answered[reply] ?? null, now })) return false
  rows.update('notification_addresses', row.id, { answered: JSON.stringify({ ...answered, [reply]: now }) })
  return true
}

/** The organizations whose record has it: those whose addresses are named, and for a shared sender those whose people are. */
const deciding = ({ addresses, people, inbound }: ConsentCommand, home: string): ReadonlySet<string> => {
  const named = addresses.flatMap(({ organizationId }) => (organizationId === sharedSender ? [] : [organizationId]))
  const concerned = [...people.map(({ organizationId }) => organizationId), ...(inbound?.deciders ?? [])]
  const all = new Set(named.length === addresses.length ? named : [...named, ...concerned])
  return all.size === 0 ? new Set([home]) : all
}

/** `ConsentCommands.change`. */
export const consents: Command<ConsentCommand, ConsentOutcome> = {
  absences: ({ people }, ids) => people.map(({ recipient }) => preferencesAbsence(recipient, ids)),
  stages: [
    ({ people }, { ids }) => people.map(({ recipient }) => preferencesRead(recipient, ids)),
    ({ addresses, act, inbound }) =>
      [...addresses, ...(inbound === null ? [] : [senderOf(inbound)])].flatMap((ref) =>
        addressReads(
          { ...ref, isShared: (act === 'given' || act === 'cleared') && ref.organizationId !== sharedSender },
          'update',
        ),
      ),
    ({ people }, { ids }) => people.map(({ recipient }) => read(keys.openOfRecipient, openOf(recipient, ids))),
    ({ inbound }) => (inbound?.handOver == null ? [] : [readBefore(inbound.handOver)]),
    (command) => [...inboundReads(command), ...command.decides.map((id) => read(keys.inboundById, { id }, 'none'))],
  ],
  inserts: ({ people, addresses, inbound }) => [
    ...people.map(({ recipient }) => preferencesInserts(recipient)),
    ['notification_addresses', addresses.length + 1],
    ['notification_inbound', inbound === null ? 0 : 1 + inbound.deciders.length],
    ['notification_answers', inbound?.handOver == null ? 0 : 1],
  ],
  run: each(change),
  held: null,
}
