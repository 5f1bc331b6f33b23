import { email } from '../channels/email.ts'
import type { IdCodec } from '../ports/rows/ids.ts'
import { keys } from '../ports/rows/keys.ts'
import { type Command, each, type Found, type Read, type Rows, read, unassigned } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import { sharedSender } from '../ports/storage/addresses.ts'
import type { EraseCommand, EraseOutcome, HashedAddress } from '../ports/storage/personal.ts'
import type { RecipientRef } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { hashedMark } from '../schemas/erased.ts'
import { newRow } from './addresses.ts'

type Delivery = Row<'notification_history'>

export const noTexts = { subject: null, message: '', snapshot: null, error_message: null } as const
export const noAddress = { recipient_email: null, recipient_phone: null, recipient_address: null } as const
export const noReminderTexts = { subject: null, message: null, error_message: null } as const

const open: readonly string[] = ['queued', 'sending', 'handed_over']

/** Whether nothing will be sent of it any more. */
const isOver = ({ delivery_state, due_at, held_at }: Delivery): boolean =>
  !open.includes(delivery_state) && due_at === null && held_at === null

/** The creation of its task got no response, and can only be repeated with the same words. */
function isUnanswered(rows: Rows, { id, provider, delivery_state }: Delivery): boolean {
  if (provider !== 'task_manager' || delivery_state !== 'handed_over') return false
  const task = rows.get(keys.taskOfDelivery, { notification_id: id })
  return task !== undefined && task.task_id === null && task.attempts > 0
}

const isOf =
  (rows: Pick<Rows, 'ids'>, { type, id }: RecipientRef) =>
  (row: { readonly recipient_type: string; readonly recipient_id: unknown }): boolean =>
    row.recipient_type === type && row.recipient_id === rows.ids('recipient', id)

/** A snapshot that no longer knows the person; what cannot be read is dropped. */
function withoutPerson(snapshot: string | null, { type, id }: RecipientRef): string | null {
  if (snapshot === null) return null
  const parsed: unknown = JSON.parse(snapshot)
  if (typeof parsed !== 'object' || parsed === null || !('recipients' in parsed)) return null
  const { recipients } = parsed
  if (!Array.isArray(recipients)) return null
  const others = recipients.flatMap((one: unknown) =>
    isNamed(one, type, String(id)) ? [] : [withoutContact(one, type, String(id))],
  )
  const isSame = others.length === recipients.length && others.every((one, index) => one === recipients[index])
  return isSame ? snapshot : JSON.stringify({ ...parsed, recipients: others })
}

/** A person who no longer names the one to be written to; the same, where they did not. */
function withoutContact(one: unknown, type: string, id: string): unknown {
  const named: unknown = typeof one === 'object' && one !== null ? Reflect.get(one, 'contactOrder') : null
  if (!Array.isArray(named) || !named.some((contact) => isNamed(contact, type, id))) return one
  return { ...Object(one), contactOrder: named.filter((contact) => !isNamed(contact, type, id)) }
}

const isNamed = (one: unknown, type: string, id: string): boolean =>
  typeof one === 'object' && one !== null && Reflect.get(one, 'type') === type && String(Reflect.get(one, 'id')) === id

function eraseMessages(rows: Rows, command: EraseCommand, deliveries: readonly Delivery[]): number {
  const { recipient, at } = command
  const isOwn = isOf(rows, recipient)
  let erased = 0
  for (const row of deliveries) {
    if (isOwn(row)) {
      if (row.erased_at !== null) continue
      const erased_at = at.getTime()
      // Without its words the task could not be found, to be cancelled: they go as soon as TaskManager has answered.
      const isKept = isUnanswered(rows, row)
      rows.update('notification_history', row.id, isKept ? { erased_at } : { ...noTexts, ...noAddress, erased_at })
      if (!isKept) eraseFacts(rows, row)
      erased += 1
      continue
    }
    // What practitioners do is told to their patients, who keep their messages.
    if (recipient.type === 'PRACTITIONER') continue
    const snapshot = withoutPerson(row.snapshot, recipient)
    // The text of what is still to be sent is made when it is sent.
    const left = isUnanswered(rows, row) ? { snapshot } : { subject: null, message: '', snapshot }
    const change = isOver(row) ? noTexts : left
    if (row.delivery_state !== 'sending') rows.update('notification_history', row.id, change)
  }
  return erased
}

/** Of the person's own task; those of others are still sent. */
function eraseFacts(rows: Rows, { id, provider }: Delivery): void {
  if (provider !== 'task_manager') return
  const task = rows.get(keys.taskOfDelivery, { notification_id: id })
  if (task !== undefined) rows.update('task_manager_tasks', task.id, { facts: '{}' })
}

/** The words that were kept for a creation without a response go, once it was answered or given up. */
export function eraseKept(rows: Rows, row: Delivery | undefined): void {
  if (row?.erased_at == null) return
  rows.update('notification_history', row.id, { subject: null, message: '', snapshot: null, ...noAddress })
}

function eraseReminders(rows: Rows, { recipient, appointments }: EraseCommand): Row<'appointment_reminders'>[] {
  const isOwn = isOf(rows, recipient)
  const found = appointments.flatMap((id) => [...rows.list(keys.remindersOfAppointment, ofAppointment(id, rows.ids))])
  const isMeant = (row: Row<'appointment_reminders'>) => isOwn(row) || recipient.type !== 'PRACTITIONER'
  for (const row of found) {
    const holds = row.subject !== null || row.message !== null || row.error_message !== null
    if (holds && isMeant(row)) rows.update('appointment_reminders', row.id, noReminderTexts)
  }
  return found
}

/** Ids, rules and times of decisions stay. */
function eraseDecisions(rows: Rows, { recipient, appointments }: EraseCommand): void {
  const isMeant = ({ recipient: of, detail }: DecisionEntry) =>
    detail !== undefined && of?.type === recipient.type && String(of.id) === String(recipient.id)
  for (const id of appointments) {
    for (const row of rows.list(keys.decisionsOfAppointment, ofAppointment(id, rows.ids))) {
      const entries: readonly DecisionEntry[] = JSON.parse(row.entries)
      if (!entries.some(isMeant)) continue
      const left = entries.map((entry) => {
        if (!isMeant(entry)) return entry
        const { detail, ...rest } = entry
        return rest
      })
      rows.update('notification_decisions', row.id, { entries: JSON.stringify(left) })
    }
  }
}

const refOf = ({ organizationId: organization_id, channel }: HashedAddress, address: string) => ({
  organization_id,
  channel,
  address,
})

/** The rows of one address: the organization's, and that of the sender it may share with others. */
const both = (one: HashedAddress): readonly HashedAddress[] =>
  one.organizationId === sharedSender ? [one] : [one, { ...one, organizationId: sharedSender, isRefused: false }]

const mark = { organizationId: sharedSender, channel: email.name, address: hashedMark } as const

/** A row that says whether something may be sent stays, under the hash; any other goes. */
function eraseAddress(
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
  if (!isKept && !one.isRefused) return { id: row?.id ?? null, hashed: false }
  const known = row?.suppressed_at == null && one.isRefused ? refused(at) : {}
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
  rows.ensure('notification_addresses', kept)
  rows.ensure('notification_addresses', newRow(mark, at))
  return { id: row?.id ?? null, hashed: isNew }
}

const refused = (at: Date) =>
  ({ suppressed_at: at.getTime(), suppression_cause: 'stop', suppression_code: 'preferences' }) as const

const ofAppointment = (id: EraseCommand['appointments'][number], ids: IdCodec) => ({
  appointment_id: ids('appointment', id),
})

const deliveryReads = ({ messages, appointments, waitlistEntries }: EraseCommand, ids: IdCodec): Read[] => [
  ...messages.map((id) => read(keys.delivery, { id })),
  ...appointments.map((id) => read(keys.deliveriesOfAppointment, ofAppointment(id, ids))),
  ...waitlistEntries.map((id) => read(keys.deliveriesOfWaitlistEntry, { waitlist_entry_id: ids('waitlistEntry', id) })),
]

function deliveriesOf(found: Found, { messages, appointments, waitlistEntries }: EraseCommand): Delivery[] {
  const byId = new Map<number, Delivery>()
  const rows = [
    ...messages.flatMap((id) => found.get(keys.delivery, { id }) ?? []),
    ...appointments.flatMap((id) => [...found.list(keys.deliveriesOfAppointment, ofAppointment(id, found.ids))]),
    ...waitlistEntries.flatMap((id) => [
      ...found.list(keys.deliveriesOfWaitlistEntry, { waitlist_entry_id: found.ids('waitlistEntry', id) }),
    ]),
  ]
  for (const row of rows) byId.set(row.id, row)
  return [...byId.values()]
}

/** Of what was sent by TaskManager: only where one of them was given to it. */
const tasksOf = (found: Found, command: EraseCommand) =>
  deliveriesOf(found, command).flatMap(({ id, provider }) => (provider === 'task_manager' ? [id] : []))

function erase(rows: Rows, command: EraseCommand): EraseOutcome {
  const deliveries = deliveriesOf(rows, command)
  const messages = eraseMessages(rows, command, deliveries)
  eraseReminders(rows, command)
  eraseDecisions(rows, command)
  const gone = command.addresses.flatMap(both).map((one) => eraseAddress(rows, one, command.at))
  return {
    messages,
    addresses: gone.flatMap(({ id }) => id ?? []),
    hashed: gone.filter(({ hashed }) => hashed).length,
  }
}

/** `PersonalCommands.erase`: one step of an erasure. */
export const erasures: Command<EraseCommand, EraseOutcome> = {
  stages: [
    ({ addresses }) =>
      addresses
        .flatMap(both)
        .flatMap((one) => [one.address, one.hash].map((address) => read(keys.address, refOf(one, address)))),
    ({ appointments }, { ids }) => appointments.map((id) => read(keys.remindersOfAppointment, ofAppointment(id, ids))),
    (command, { ids }) => deliveryReads(command, ids),
    (command, found) => tasksOf(found, command).map((id) => read(keys.taskOfDelivery, { notification_id: id })),
    ({ appointments }, { ids }) =>
      appointments.map((id) => read(keys.decisionsOfAppointment, ofAppointment(id, ids), 'none')),
  ],
  run: each(erase),
  held: null,
}

/** `PersonalCommands.eraseConsents`: who gave a consent and how is told by nobody's entry any more; when, it still is. */
export const consentErasures: Command<number, true> = {
  stages: [(id) => [read(keys.auditEntry, { id }, 'none')]],
  run: each((rows, id) => {
    const row = rows.get(keys.auditEntry, { id })
    if (row === undefined) return true
    const { consent, ...rest }: { consent?: object } = JSON.parse(row.details)
    if (consent === undefined) return true
    const details = JSON.stringify({ ...rest, consent: { ...consent, givenBy: 'erased', how: 'erased' } })
    rows.update('notification_audit', id, { details })
    return true
  }),
  held: null,
}

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
      rows.ensure('notification_addresses', {
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
