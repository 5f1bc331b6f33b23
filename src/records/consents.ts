import { channels as every } from '../channels/index.ts'
import { isPersons, isTakenBack, liftedAfter, suppressionFor } from '../domain/address.ts'
import { isSamePerson, withConsent } from '../domain/consent.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Read, type Rows, read } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import { type AddressRef, type Party, sharedSender, type Taken } from '../ports/storage/addresses.ts'
import type { ConsentCommand, ConsentOutcome } from '../ports/storage/consents.ts'
import { channelPreferences } from '../schemas/channel-settings.ts'
import type { PreferencesValues } from '../schemas/preferences.ts'
import type { SuppressionCause } from '../schemas/vocabulary.ts'
import { addressReads, rowIdOf, suppressRow } from './addresses.ts'
import { keepReply, readBefore } from './answers.ts'
import { appendAudit } from './audit.ts'
import { decodeStanding, decodeTaken } from './codecs/addresses.ts'
import { appendConsent, isSaidByAddress } from './consent-record.ts'
import { createTally } from './counters.ts'
import { inboundReads, isStoppedAt, keep, noteAnswered, noteHeard, senderOf } from './inbound.ts'
import { openOf, preferencesAbsence, preferencesInserts, preferencesRead, writePreferences } from './preferences.ts'
import { restored, withTaken } from './refusals.ts'
import { queueReplan } from './settings.ts'

const of = ({ organizationId: organization_id, channel, address }: AddressRef) => ({
  organization_id,
  channel,
  address,
})

/** A row of an address, with what opt-outs by it took. */
type Taking = { readonly ref: AddressRef; readonly row: Row<'notification_addresses'>; taken: Taken[] }

const takingsOf = (rows: Rows, { addresses }: ConsentCommand): readonly Taking[] =>
  addresses.flatMap((ref) => {
    const row = rows.get(keys.address, of(ref))
    return row === undefined ? [] : [{ ref, row, taken: [...decodeTaken(row)] }]
  })

type Where = {
  /** Where what is refused is noted; undefined: it was not said by an address. */
  readonly home: Taking | undefined
  /** What is brought back. */
  readonly back: readonly Taken[]
  /** Where they refused again since then. */
  readonly late: readonly AddressRef[]
}

/** What people refuse or give, in their preferences. True if any of it is new. */
function changePeople(rows: Rows, command: ConsentCommand, { home, back, late }: Where): boolean {
  const { act, people, categories, onlyTaken, how, wording, by, at } = command
  if (act !== 'refused' && act !== 'given') return false
  const said = { how, wording, addressId: home?.row.id ?? null, by, at }
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
          if (act === 'refused' && home !== undefined)
            home.taken = withTaken(home.taken, person, before, channels ?? [])
          if (act === 'refused' && home === undefined && categories === null) ownRefusal(rows, person, before, command)
          return withConsent(before, act, channels, categories)
        }
        const was = back.find((one) => isSamePerson(one, person))
        const [channel] = channels ?? []
        if (was === undefined || channel === undefined || !isSaidByAddress(rows, person, channel)) return before
        return restored(before, was, channel)
      },
      said,
    )
  })
  return changed.includes(true)
}

/**
 * What somebody refuses by themselves that an opt-out by their address had switched off before: it changes no preference, and is
 * recorded, so that START does not bring it back.
 */
function ownRefusal(rows: Rows, person: Party, before: PreferencesValues, command: ConsentCommand): void {
  const { how, wording, by, at, channels } = command
  for (const channel of channels ?? every) {
    if (channelPreferences(before, channel).enabled !== false || !isSaidByAddress(rows, person, channel)) continue
    const said = { act: 'refused', how, wording, by, at, addressId: null } as const
    appendConsent(rows, { ...said, ...person, channel, category: null })
  }
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
    lifted_at: liftedAfter(suppression, at).getTime(),
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
  }
  tally.write(rows)
  return true
}

/** What is in doubt at the addresses is not any more: staff decided it, or the person said clearly what they want. True if anything was. */
function endDoubts(rows: Rows, { act, addresses, inbound, at }: ConsentCommand): boolean {
  if (act === null || act === 'doubted') return false
  const open = addresses
    .flatMap(({ channel, address }) => rows.list(keys.openInbound, { address, channel }))
    .filter(
      ({ account_id, organization_id }) =>
        account_id === inbound?.accountId || addresses.some(({ organizationId }) => organizationId === organization_id),
    )
  for (const { id } of open) rows.update('notification_inbound', id, { open_at: null, decided_at: at.getTime() })
  return open.length > 0
}

function change(rows: Rows, command: ConsentCommand): ConsentOutcome {
  const { inbound, addresses, people, others = [], act, how, wording, at, by, channels } = command
  if (inbound !== null && !keep(rows, inbound)) return known
  if (inbound?.handOver != null) keepReply(rows, inbound.handOver)
  const isDecided = endDoubts(rows, command)
  if (inbound !== null) noteHeard(rows, inbound)
  const isStopped = inbound !== null && isStoppedAt(rows, senderOf(inbound))
  const late = addresses.filter((ref) => isLate(rows, ref, command))
  const changed = addresses.map((ref) => changeAddress(rows, ref, command))
  if (act === 'cleared' && !isDecided && !changed.includes(true)) return { ...known, status: 'unchanged' }
  const takings = takingsOf(rows, command)
  const before = takings.map(({ taken }) => taken)
  const home = takings.find(({ ref }) => ref === addresses[0])
  // An address that stays closed, as after a complaint, gives nothing back.
  const opened =
    act === 'given' ? takings.filter(({ ref, row }) => !late.includes(ref) && row.suppression_cause === null) : []
  const back = opened.flatMap(({ taken }) => taken)
  const isNew = changePeople(rows, command, { home, back, late })
  // START is everybody's at the address, as far as that is known; what else is given is only of those who are named.
  const isOf = (some: readonly Party[], one: Taken) => some.some((person) => isSamePerson(one, person))
  const isOver = (one: Taken) => (command.onlyTaken ? !isOf(command.unsure ?? [], one) : isOf(people, one))
  for (const one of opened) one.taken = one.taken.filter((each) => !isOver(each))
  for (const [index, { row, taken }] of takings.entries()) {
    if (taken === before[index]) continue
    rows.update('notification_addresses', row.id, { taken: taken.length === 0 ? null : JSON.stringify(taken) })
  }
  // The word of an address is recorded of the address too, whether somebody is known to have it or not.
  const [first] = addresses
  if (act !== null && first !== undefined) {
    const [channel = null] = channels ?? []
    const said = {
      act,
      how,
      wording,
      at,
      by,
      channel,
      category: null,
      recipient: null,
      addressId: home?.row.id ?? null,
    }
    for (const organizationId of deciding(command, first.organizationId))
      appendConsent(rows, { ...said, organizationId })
  }
  // Reminders that were left out meanwhile. A doubt leaves out none: they are looked at when they are due.
  if (act === 'given' && changed.includes(true))
    for (const { organizationId, recipient } of [...people, ...others])
      queueReplan(rows, { organizationId, recipient }, at)
  const under = people.flatMap(({ recipient }) => rows.list(keys.openOfRecipient, openOf(recipient, rows.ids)))
  const inFlight = under.filter(({ delivery_state }) => delivery_state !== 'queued').length
  const isChanged = isNew || changed.includes(true)
  const answers = inbound !== null && noteAnswered(rows, inbound, { isChanged, isStopped })
  return { status: isChanged ? 'changed' : 'unchanged', inFlight, isAnswered: answers }
}

const known: ConsentOutcome = { status: 'known', inFlight: 0, isAnswered: false }

/** The organizations whose record has it: those whose addresses are named, and for a shared sender those whose people are. */
const deciding = ({ addresses, people, inbound }: ConsentCommand, home: string): ReadonlySet<string> => {
  const named = addresses.flatMap(({ organizationId }) => (organizationId === sharedSender ? [] : [organizationId]))
  const concerned = [...people.map(({ organizationId }) => organizationId), ...(inbound?.deciders ?? [])]
  const all = new Set(named.length === addresses.length ? named : [...named, ...concerned])
  return all.size === 0 ? new Set([home]) : all
}

const doubtReads = ({ act, addresses }: ConsentCommand): Read[] =>
  act === null || act === 'doubted'
    ? []
    : addresses.map(({ address, channel }) => read(keys.openInbound, { address, channel }, 'none'))

/** For what rests on what people said before. */
const saidReads = ({ act, addresses, onlyTaken, people }: ConsentCommand, ids: IdCodec): Read[] =>
  onlyTaken || (act === 'refused' && addresses.length === 0)
    ? people.map(({ recipient }) => read(keys.consentsOfRecipient, openOf(recipient, ids), 'none'))
    : []

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
    (command, { ids }) => [...inboundReads(command), ...doubtReads(command), ...saidReads(command, ids)],
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
