import { z } from 'zod'
import type { Channel } from '../../channels/index.ts'
import { type Appointment, isActive, isSameRecipient, withContacts } from '../../domain/appointment.ts'
import { effectiveFor } from '../../domain/plan.ts'
import { contacting, type Failure, type Message, unreachable } from '../../domain/unreached.ts'
import type { DeliveryRow, PlanAhead, PlanRow, ReminderRow } from '../../ports/storage.ts'
import { channelsInUse } from '../../schemas/channel-settings.ts'
import { type EntityId, organizationId, parseInput, type RecipientRef, refKey } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import { instantInput } from '../../schemas/instant.ts'
import { readPhone } from '../../schemas/phone-number.ts'
import { type UnreachedReason, unreachedTable } from '../../schemas/vocabulary.ts'
import { ReportingAccounts } from '../delivery/unreported.ts'
import { parseSnapshot } from '../messages/snapshot.ts'
import type { Context } from '../shared/context.ts'
import { readCursor, writeCursor } from '../shared/cursor.ts'
import { Knowledge } from '../shared/knowledge.ts'

const hourMs = 3_600_000

export const unreachedFilter = z.strictObject({
  /** The organization. */
  organizationId,
  /** Only appointments that start before this instant. Default: in 48 hours. */
  before: instantInput.optional().describe('Only appointments that start before this instant. Default: in 48 hours'),
  /**
   * So many hours before the start (0 to 720), a message counts as not arrived if its provider should have reported on it
   * and did not. Default 24.
   */
  unreportedHours: z
    .int()
    .min(0)
    .max(720)
    .optional()
    .describe(
      'From so many hours before the start, a message that its provider should have reported on, and has not, counts as not arrived. Default 24',
    ),
  /** Page size, 1 to 200. A page ends with a whole appointment, so it may have a few more people. Default 50. */
  limit: z
    .int()
    .min(1)
    .max(200)
    .optional()
    .describe('Page size. A page ends with an appointment, and may have a few more people. Default 50'),
  /** `nextCursor` of the previous page. It stays valid while rows are added. Default: the first page. */
  cursor: z
    .string()
    .max(64)
    .optional()
    .describe('`next_cursor` of the previous page; stays valid while rows are added'),
})
/** Which appointments to look at. */
export type UnreachedFilter = z.infer<typeof unreachedFilter>

/** A person whom no message reached before an appointment. */
export type Unreached = {
  readonly appointmentId: EntityId
  readonly startsAt: Date
  /** Wall clock of the start in `timeZone`, `YYYY-MM-DDTHH:mm:ss`. */
  readonly localStart: string
  readonly timeZone: string
  readonly recipient: RecipientRef
  readonly name: string | null
  /** Name of the person to call instead (`contactOrder`); null: it is the recipient, or the name is unknown. */
  readonly contactName: string | null
  /** Phone number to call: in E.164, or as your directory has it if that is not a valid number; null: unknown. */
  readonly phone: string | null
  /** Why the last message did not arrive, or why no message can be sent. */
  readonly reason: UnreachedReason
  /** The reason as a sentence. */
  readonly because: string
  /** Channel of the last message; null: no channel can be used. */
  readonly channel: Channel | null
  /** When it failed; null for reasons without a time. */
  readonly at: Date | null
  /** Error code, such as `smtp_5.1.1`; null: unknown. */
  readonly code: string | null
  /** When the next message is due; null: none will be sent. */
  readonly nextAt: Date | null
}

/** A page of people whom no message reached. */
export type UnreachedPage = {
  /** In the order of appointment starts. */
  readonly people: readonly Unreached[]
  /** `cursor` of the next page; null on the last. */
  readonly nextCursor: string | null
}

const defaultLimit = 50
const defaultAheadMs = 48 * hourMs
const defaultUnreportedHours = 24
/** A provider has so long to report before its silence means something. */
const reportWithinMs = hourMs
/** Appointments that are looked at together, and for one page: then it ends, with whatever was found. */
const plansAtOnce = 100
const plansAPage = 500
/** Of an appointment; older messages are of former starts. */
const mostMessages = 100
/** Doubts that are read together, and messages to the address of one, whose recipients may have it. */
const doubtsAtOnce = 200
const writtenTo = 50
/** Starts at most this far apart count as the same. */
const sameStartMs = 60_000
/** Every plan that starts at the same time comes before it. */
const lastId = 2 ** 31 - 1

/** A page of whom nothing reached. */
export async function unreached(context: Context, filter: UnreachedFilter): Promise<UnreachedPage> {
  const { clock, storage } = context.options
  const read = parseInput(unreachedFilter, filter, 'filter')
  const { organizationId: organization, limit = defaultLimit, cursor } = read
  const now = clock.now()
  const until = read.before === undefined ? now.getTime() + defaultAheadMs : read.before.getTime() - 1
  const begin = { startsAt: now, id: lastId }
  const given = cursor === undefined ? begin : placeOf(cursor)
  let after = given.startsAt < now ? begin : given
  if (until <= now.getTime()) return { people: [], nextCursor: null }
  const doubts = await doubtsOf(context, organization)
  const look = new Look(context, now, read.unreportedHours ?? defaultUnreportedHours, doubts)
  const people: Unreached[] = []
  for (let looked = 0; looked < plansAPage; ) {
    const query = { organizationId: organization, after, until: new Date(until), limit: plansAtOnce }
    const plans = await storage.plans.ahead(query)
    const found = await look.at(plans)
    for (const [index, { place }] of plans.entries()) {
      people.push(...(found[index] ?? []))
      after = place
      if (people.length >= limit) return { people, nextCursor: writeCursor({ at: place.startsAt, id: place.id }) }
    }
    if (plans.length < plansAtOnce) return { people, nextCursor: null }
    looked += plans.length
  }
  return { people, nextCursor: writeCursor({ at: after.startsAt, id: after.id }) }
}

function placeOf(cursor: string) {
  const { at: startsAt, id } = readCursor(cursor)
  return { startsAt, id }
}

/** What is known of one plan's person before the directory is asked. `failure` null: nothing went wrong, and nothing is coming. */
type Suspect = {
  readonly recipient: RecipientRef
  readonly failure: Failure | null
  readonly nextAt: Date | null
  /** A message of theirs may be a refusal; null: none. */
  readonly doubt: Failure | null
  /** Reached, or something is coming: only a doubt speaks against it. */
  readonly isFine: boolean
}

/** What may be a refusal, by the people whom the organization wrote to at its address, since the first of such messages. */
async function doubtsOf({ options }: Context, organization: string): Promise<ReadonlyMap<string, Failure>> {
  const { consents, deliveries } = options.storage
  const found = new Map<string, Failure>()
  const seen = new Set<string>()
  for (let after = 0; ; ) {
    const page = await consents.doubts({ organizationId: organization, after, limit: doubtsAtOnce })
    for (const { channel, address, receivedAt: at } of page) {
      if (seen.has(`${channel} ${address}`)) continue
      seen.add(`${channel} ${address}`)
      const about = { organizationId: organization, channel, recipientAddress: address }
      const { rows } = await deliveries.list({ ...about, limit: writtenTo, offset: 0 })
      for (const { recipient } of rows) {
        const name = refKey(recipient)
        if (!found.has(name)) found.set(name, { reason: 'in_doubt', channel, at, code: null })
      }
    }
    const last = page.at(-1)
    if (last === undefined || page.length < doubtsAtOnce) return found
    after = last.id
  }
}

/** One call: what it finds out of providers holds for all of its pages. */
class Look {
  readonly #context: Context
  readonly #now: Date
  readonly #unreportedMs: number
  readonly #accounts: ReportingAccounts
  readonly #doubts: ReadonlyMap<string, Failure>

  constructor(context: Context, now: Date, unreportedHours: number, doubts: ReadonlyMap<string, Failure>) {
    this.#context = context
    this.#now = now
    this.#unreportedMs = unreportedHours * hourMs
    this.#accounts = new ReportingAccounts(context)
    this.#doubts = doubts
  }

  /** The people of each plan whom nothing reached. */
  async at(plans: readonly PlanAhead[]): Promise<readonly (readonly Unreached[])[]> {
    if (plans.length === 0) return []
    const { storage } = this.#context.options
    const ids = plans.map(({ plan }) => plan)
    const [reminders, deliveries] = await Promise.all([
      storage.reminders.listMany(ids),
      storage.deliveries.ofAppointments(ids, mostMessages),
    ])
    const remindersOf = Map.groupBy(reminders, ({ appointmentId }) => appointmentId)
    const deliveriesOf = Map.groupBy(deliveries, ({ appointmentId }) => appointmentId)
    const suspected: { readonly plan: PlanRow; readonly suspects: readonly Suspect[] }[] = []
    for (const { plan } of plans) {
      const rows = remindersOf.get(plan.appointmentId) ?? []
      const messages = deliveriesOf.get(plan.appointmentId) ?? []
      suspected.push({ plan, suspects: await this.#suspects(plan, rows, messages) })
    }
    return this.#confirmed(suspected)
  }

  async #suspects(
    plan: PlanRow,
    reminders: readonly ReminderRow[],
    deliveries: readonly DeliveryRow[],
  ): Promise<readonly Suspect[]> {
    const ofStart = reminders.filter((row) => isOfStart(plan, row.startsAt))
    const known = new Map(ofStart.map((row) => [row.id, row]))
    const ofId = new Map(deliveries.map((row) => [row.id, row]))
    const messages: (Message & { readonly recipient: RecipientRef })[] = []
    for (const row of deliveries) {
      if (isAboutStart(plan, row, known, ofId)) messages.push({ ...row, isSilent: await this.#isSilent(plan, row) })
    }
    return plan.recipients.flatMap((recipient): Suspect[] => {
      if (recipient.type === 'PRACTITIONER') return []
      const own = messages.filter((one) => isSameRecipient(one.recipient, recipient))
      const live = ofStart.filter((one) => isSameRecipient(one.recipient, recipient))
      const waiting = live.filter(({ notificationId }) => notificationId === null)
      const found = contacting(own, waiting, this.#now)
      const isFine = found.isReached || (found.failure === null && found.nextAt !== null)
      const doubt = this.#doubts.get(refKey(recipient)) ?? null
      if (isFine && doubt === null) return []
      const { failure, nextAt } = found.isReached ? { failure: null, nextAt: null } : found
      return [{ recipient, failure, nextAt, doubt, isFine }]
    })
  }

  /** By a report that is overdue: at the latest some time before the start, while somebody can still call. */
  async #isSilent(plan: PlanRow, row: DeliveryRow): Promise<boolean> {
    if (row.status !== 'SENT') return false
    if (row.deliveryDetail?.unreported !== undefined) return true
    if (row.deliveryDetail !== null || row.sentAt === null) return false
    const isNear = plan.startsAt.getTime() - this.#now.getTime() <= this.#unreportedMs
    const isOverdue = this.#now.getTime() - row.sentAt.getTime() > reportWithinMs
    return isNear && isOverdue && (await this.#accounts.reportsOn(row, this.#now))
  }

  /** Asks the directory about those who are left: whether the appointment still takes place, who they are, and how to reach them. */
  async #confirmed(suspected: readonly { readonly plan: PlanRow; readonly suspects: readonly Suspect[] }[]) {
    const asked = suspected.filter(({ suspects }) => suspects.length > 0).map(({ plan }) => plan)
    if (asked.length === 0) return suspected.map(() => [])
    const organizationOf = new Map(asked.map((plan) => [plan.appointmentId, plan.organizationId]))
    const lookupOf = await this.#context.host.appointments([...organizationOf.keys()], {
      organizationOf: (id) => organizationOf.get(id) ?? null,
    })
    const appointments = asked.flatMap(({ appointmentId, organizationId: organization }) => {
      const lookup = lookupOf(appointmentId)
      return lookup.kind === 'known' && lookup.value.organizationId === organization ? [lookup.value] : []
    })
    const appointmentOf = new Map(appointments.map((one) => [one.id, one]))
    const knowledge = await Knowledge.load(this.#context, appointments)
    return suspected.map(({ plan, suspects }) => {
      const appointment = appointmentOf.get(plan.appointmentId)
      // What cannot be read may still take place; what is gone or another organization's does not.
      if (appointment === undefined && !isUnread(lookupOf(plan.appointmentId).kind)) return []
      return suspects.flatMap((suspect) => unreachedOf(plan, suspect, appointment, knowledge) ?? [])
    })
  }
}

const isUnread = (kind: 'known' | 'gone' | 'unreadable' | 'unanswered'): boolean =>
  kind === 'unreadable' || kind === 'unanswered'

const isOfStart = (plan: PlanRow, startsAt: Date): boolean =>
  Math.abs(plan.startsAt.getTime() - startsAt.getTime()) < sameStartMs

/** A message of a former start says nothing of where to be now; that the appointment was cancelled is not about one ahead. */
function isAboutStart(
  plan: PlanRow,
  row: DeliveryRow,
  reminders: ReadonlyMap<number, ReminderRow>,
  deliveries: ReadonlyMap<number, DeliveryRow>,
): boolean {
  if (row.category === 'CANCELLATION' || row.state === 'cancelled') return false
  if (row.reminderId !== null) return reminders.has(row.reminderId)
  const appointment = parseSnapshot(row.snapshot)
  if (appointment !== null) return isOfStart(plan, appointment.start.instant)
  if (row.fallbackOf === null) return true
  // It is about what the message is about that it takes the place of; that is older.
  const before = deliveries.get(row.fallbackOf)
  return (
    before !== undefined &&
    before.id < row.id &&
    isAboutStart(plan, { ...before, state: 'settled' }, reminders, deliveries)
  )
}

function unreachedOf(
  plan: PlanRow,
  { recipient, failure, nextAt, doubt, isFine }: Suspect,
  appointment: Appointment | undefined,
  knowledge: Knowledge,
): Unreached | null {
  if (appointment !== undefined && !isActive(appointment.status)) return null
  const person = appointment?.recipients.find((one) => isSameRecipient(one, recipient))
  // Removed from the appointment meanwhile.
  if (appointment !== undefined && person === undefined && !appointment.hasUnreadablePeople) return null
  const known = person === undefined ? null : wayTo(plan.organizationId, person, knowledge)
  const isDoubted = doubt?.channel != null && (known?.inDoubt.includes(doubt.channel) ?? false)
  const found = isDoubted ? doubt : isFine ? null : (failure ?? known?.failure ?? null)
  if (found === null) return null
  const { appointmentId, startsAt, localStart, timeZone } = plan
  return {
    ...{ appointmentId, startsAt, localStart, timeZone, recipient, nextAt },
    name: person?.name ?? null,
    contactName: known?.contactName ?? null,
    phone: known?.phone ?? null,
    ...found,
    because: unreachedTable[found.reason],
  }
}

/** How a person can be called, and why no message can reach them; null: one could. */
function wayTo(organization: string, person: Person, knowledge: Knowledge) {
  const surroundings = knowledge.surroundings(organization)
  const { policy, preferencesOf } = surroundings
  const decisions = channelsInUse(policy).map((channel) => effectiveFor(surroundings, person, 'REMINDER', channel))
  const numberOf = (one: Person) => preferencesOf(one)?.phoneNumber || one.phone || null
  const called = withContacts([person]).find((one) => numberOf(one) !== null) ?? person
  const given = numberOf(called)
  const phone = given === null ? null : (readPhone(given, policy.defaultCountry).address ?? given)
  const inDoubt = channelsInUse(policy).filter((_, index) => decisions[index]?.reasons.includes('consent_in_doubt'))
  return {
    phone,
    contactName: called === person ? null : (called.name ?? null),
    failure: unreachable(decisions),
    inDoubt,
  }
}
