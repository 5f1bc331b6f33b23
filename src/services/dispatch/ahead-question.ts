import type { Appointment, WaitlistEntry } from '../../domain/appointment.ts'
import type { Truth } from '../../domain/due.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import type { Context } from '../context.ts'
import type { LookUp } from '../directory/batch-reader.ts'
import type { Known, SubjectTruth } from './known-truths.ts'
import type { Group } from './ready-queue.ts'
import { planKey, plansByAppointment } from './truths.ts'
import { factsOf } from './work.ts'

/** What one or several groups of due work are about. */
export type Subject = {
  readonly subject: string
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly works: ReadonlySet<string>
}

/** What the host said of some of them; also that it did not answer for them. */
export type News = {
  readonly subjects: readonly { readonly about: Subject; readonly known: Known }[]
  readonly organizations: readonly { readonly id: string; readonly truth: Truth<Organization> }[]
}

export function subjectsOf(groups: readonly Group[]): Subject[] {
  return [...Map.groupBy(groups, ({ subject }) => subject)].flatMap(([subject, ofOne]) => {
    const first = ofOne[0]?.works[0]
    if (first === undefined) return []
    const { organizationId, appointmentId, waitlistEntryId } = factsOf(first)
    const keys = ofOne.flatMap(({ workKeys }) => workKeys)
    return { subject, organizationId, appointmentId, waitlistEntryId, works: new Set(keys) }
  })
}

/**
 * Asks the host about subjects of due work, after their plans were read, and about organizations: the revision that guards an
 * intent must not be newer than what it was decided by. `hear` gets each part of the answer as soon as it is there.
 * @throws NotificationError where the plans cannot be read.
 */
export async function askAbout(
  { host, options }: Context,
  subjects: readonly Subject[],
  organizationIds: readonly string[],
  hear: (news: News) => void,
): Promise<void> {
  const byAppointment = byId(subjects, 'appointmentId')
  const byEntry = byId(subjects, 'waitlistEntryId')
  const plans = plansByAppointment(await options.storage.plans.find([...byAppointment.keys()]))

  /** How to look up ids, and what is heard of them. */
  function lookUp<T>(byOne: ReadonlyMap<EntityId, readonly Subject[]>, truthOf: (truth: Truth<T>) => SubjectTruth) {
    const tell = (ids: readonly EntityId[], said: (id: EntityId) => Truth<T>) =>
      hear({
        organizations: [],
        subjects: ids.flatMap((id) =>
          (byOne.get(id) ?? []).map((about) => {
            const { works, appointmentId } = about
            const plan = plans.get(planKey(about)) ?? null
            return { about, known: { ...truthOf(said(id)), works, appointmentId, plan } }
          }),
        ),
      })
    const asked: LookUp<EntityId, T> = {
      evenIfNone: true,
      organizationOf: (id) => byOne.get(id)?.[0]?.organizationId ?? null,
      part: tell,
    }
    return { ids: [...byOne.keys()], asked, tell }
  }

  const appointments = lookUp<Appointment>(byAppointment, (appointment) => ({ appointment, waitlistEntry: gone }))
  const entries = lookUp<WaitlistEntry>(byEntry, (waitlistEntry) => ({ appointment: gone, waitlistEntry }))
  const tellOrganizations = (ids: readonly string[], truthOf: (id: string) => Truth<Organization>) =>
    hear({ subjects: [], organizations: ids.map((id) => ({ id, truth: truthOf(id) })) })

  await Promise.all([
    host.appointments(appointments.ids, appointments.asked).then((truthOf) => {
      appointments.tell(unanswered(appointments.ids, truthOf), truthOf)
    }),
    entries.ids.length === 0
      ? null
      : host.waitlistEntries(entries.ids, entries.asked).then((truthOf) => {
          entries.tell(unanswered(entries.ids, truthOf), truthOf)
        }),
    organizationIds.length === 0
      ? null
      : host.organizations(organizationIds, { evenIfNone: true, part: tellOrganizations }).then((truthOf) => {
          tellOrganizations(unanswered(organizationIds, truthOf), truthOf)
        }),
  ])
}

const gone = { kind: 'gone' } as const

const unanswered = <Id>(ids: readonly Id[], truthOf: (id: Id) => Truth<unknown>): Id[] =>
  ids.filter((id) => truthOf(id).kind === 'unanswered')

/** An id may be of two organizations at once, while an appointment moves from one to the other. */
function byId(subjects: readonly Subject[], field: 'appointmentId' | 'waitlistEntryId') {
  const found = new Map<EntityId, Subject[]>()
  for (const one of subjects) {
    const id = one[field]
    if (id === null) continue
    const known = found.get(id)
    if (known === undefined) found.set(id, [one])
    else known.push(one)
  }
  return found
}
