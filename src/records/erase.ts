import type { IdCodec } from '../ports/rows/ids.ts'
import { keys, openStates } from '../ports/rows/keys.ts'
import { type Command, each, type Found, type Read, type Rows, read, readThrough } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { EraseCommand, EraseOutcome } from '../ports/storage/personal.ts'
import type { RecipientRef } from '../schemas/common.ts'
import type { DecisionEntry } from '../schemas/decision.ts'
import { both, eraseAddress, refOf } from './hashed-addresses.ts'

type Delivery = Row<'notification_history'>

export const noTexts = { subject: null, message: '', snapshot: null, error_message: null } as const
export const noAddress = { recipient_email: null, recipient_phone: null, recipient_address: null } as const
export const noReminderTexts = { subject: null, message: null, error_message: null } as const

const open: readonly string[] = openStates

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

/** Ids of who else got a message that put an event into calendars, so that it is taken out there too; null: nobody did. */
function calendarsOf({ snapshot, calendar_sequence }: Delivery, person: RecipientRef): string | null {
  const parsed: unknown = calendar_sequence === null ? null : JSON.parse(withoutPerson(snapshot, person) ?? 'null')
  const named: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'recipients') : null
  const recipients = Array.isArray(named)
    ? named.map((one: unknown) => ({ type: Object(one).type, id: Object(one).id }))
    : []
  return recipients.length === 0 ? null : JSON.stringify({ recipients })
}

/** A person who no longer names the one to be written to; the same, where they did not. */
function withoutContact(one: unknown, type: string, id: string): unknown {
  const named: unknown = typeof one === 'object' && one !== null ? Reflect.get(one, 'contactOrder') : null
  if (!Array.isArray(named) || !named.some((contact) => isNamed(contact, type, id))) return one
  return { ...Object(one), contactOrder: named.filter((contact) => !isNamed(contact, type, id)) }
}

const isNamed = (one: unknown, type: string, id: string): boolean =>
  typeof one === 'object' && one !== null && Reflect.get(one, 'type') === type && String(Reflect.get(one, 'id')) === id

/** Of what waits to be sent to somebody, it is decided again where it goes. */
const waits: readonly string[] = ['queued', 'handed_over']

const wentTo = ({ contactAddresses }: EraseCommand, row: Delivery): boolean =>
  contactAddresses.some(
    ({ channel, address }) => row.notification_type === channel && row.recipient_address === address,
  )

/** By what a complaint still counts; nobody complains of what never went out. */
function hashOf({ hash }: EraseCommand, { notification_type, recipient_address, attempts, delivery_state }: Delivery) {
  const mayHaveGoneOut = attempts > 0 || delivery_state === 'handed_over'
  return hash === null || recipient_address === null || !mayHaveGoneOut
    ? null
    : hash(notification_type, recipient_address)
}

function eraseMessages(rows: Rows, command: EraseCommand, deliveries: readonly Delivery[]): number {
  const { recipient, at } = command
  const isOwn = isOf(rows, recipient)
  let count = 0
  for (const row of deliveries) {
    const wentThere = wentTo(command, row)
    if (isOwn(row) || (wentThere && !waits.includes(row.delivery_state))) {
      if (row.erased_at !== null) continue
      const erased = { erased_at: at.getTime(), erased_hash: hashOf(command, row) }
      // Without its words the task could not be found, to be cancelled: they go as soon as TaskManager has answered.
      const isKept = isUnanswered(rows, row)
      rows.update(
        'notification_history',
        row.id,
        isKept ? erased : { ...noTexts, snapshot: calendarsOf(row, recipient), ...noAddress, ...erased },
      )
      if (!isKept) eraseFacts(rows, row)
      count += 1
      continue
    }
    // Messages about practitioners went to their patients, who keep their messages.
    if (recipient.type === 'PRACTITIONER') continue
    const snapshot = withoutPerson(row.snapshot, recipient)
    // The text of what is still to be sent is made when it is sent: where that was decided already, it is decided again.
    const fence = row.delivery_state === 'queued' ? { fence: row.fence + 1 } : {}
    const left = isUnanswered(rows, row)
      ? { snapshot }
      : {
          subject: null,
          message: '',
          snapshot,
          ...fence,
          ...(wentThere && row.delivery_state === 'queued' && noAddress),
        }
    rows.update(
      'notification_history',
      row.id,
      isOver(row) ? { ...noTexts, snapshot: calendarsOf(row, recipient) } : left,
    )
  }
  return count
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

/** Reminders to others whose text was made already, and has the person's name, are decided again. */
function renewPlans(rows: Rows, { appointments }: EraseCommand): void {
  for (const id of appointments) {
    for (const plan of rows.list(keys.plansOfAppointment, ofAppointment(id, rows.ids)))
      rows.update('reminder_plans', plan.id, { revision: plan.revision + 1 })
  }
}

/** Those of the appointments, and of other appointments whose messages name the person too. */
function eraseReminders(rows: Rows, { recipient, appointments, messages }: EraseCommand): void {
  const isOwn = isOf(rows, recipient)
  const found = [
    ...appointments.flatMap((id) => [...rows.list(keys.remindersOfAppointment, ofAppointment(id, rows.ids))]),
    ...messages.flatMap((id) => {
      const reminderId = rows.get(keys.delivery, { id })?.reminder_id ?? null
      return reminderId === null ? [] : (rows.get(keys.reminder, { id: reminderId }) ?? [])
    }),
  ]
  const isMeant = (row: Row<'appointment_reminders'>) => isOwn(row) || recipient.type !== 'PRACTITIONER'
  for (const row of found) {
    const holds = row.subject !== null || row.message !== null || row.error_message !== null
    if (holds && isMeant(row)) rows.update('appointment_reminders', row.id, noReminderTexts)
  }
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
  if (command.recipient.type !== 'PRACTITIONER') renewPlans(rows, command)
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
    ({ appointments, recipient }, { ids }) =>
      recipient.type === 'PRACTITIONER'
        ? []
        : appointments.map((id) => read(keys.plansOfAppointment, ofAppointment(id, ids))),
    ({ appointments, messages }, { ids }) => [
      ...appointments.map((id) => read(keys.remindersOfAppointment, ofAppointment(id, ids))),
      ...messages.map((id) => readThrough(keys.reminder, keys.delivery, 'reminder_id', { id })),
    ],
    (command, { ids }) => deliveryReads(command, ids),
    (command, found) => tasksOf(found, command).map((id) => read(keys.taskOfDelivery, { notification_id: id })),
    ({ appointments }, { ids }) => appointments.map((id) => read(keys.decisionsOfAppointment, ofAppointment(id, ids))),
  ],
  run: each(erase),
  held: null,
}

/** `PersonalCommands.eraseConsents`: no entry shows any more who gave a consent and how, only when. */
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
