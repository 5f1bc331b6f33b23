import type { Appointment, WaitlistEntry } from '../../domain/appointment.ts'
import type { Lookup } from '../../domain/due.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import type { Context } from '../shared/context.ts'
import type { LookupOptions, Lookups } from '../shared/directory/batch-reader.ts'
import type { Group } from './ready-queue.ts'
import { type DueWork, subjectKey, targetOf } from './work.ts'

/** What one or several groups of due work are about. */
export type Subject = {
  readonly subject: string
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly works: ReadonlySet<string>
}

/** One subject of due work: what the host says of it, and the plan as it was before the host was asked. */
export type Known = {
  readonly plan: PlanRow | null
  /** The work that was there when the host was asked: what came later may be about something newer. */
  readonly works: ReadonlySet<string>
  readonly appointmentId: EntityId | null
} & SubjectLookup

/** Of the two, the one that the subject is; the other is `gone`. */
type SubjectLookup = { readonly appointment: Lookup<Appointment>; readonly waitlistEntry: Lookup<WaitlistEntry> }

/** What the host said of some subjects; also that it did not answer for them. */
export type News = {
  readonly subjects: readonly { readonly about: Subject; readonly known: Known }[]
  readonly organizations: readonly { readonly id: string; readonly lookup: Lookup<Organization> }[]
}

export function subjectsOf(groups: readonly Pick<Group, 'subject' | 'works' | 'workKeys'>[]): Subject[] {
  return [...Map.groupBy(groups, ({ subject }) => subject)].flatMap(([subject, ofOne]) => {
    const first = ofOne[0]?.works[0]
    if (first === undefined) return []
    const { organizationId, appointmentId, waitlistEntryId } = targetOf(first)
    const keys = ofOne.flatMap(({ workKeys }) => workKeys)
    return { subject, organizationId, appointmentId, waitlistEntryId, works: new Set(keys) }
  })
}

/**
 * Asks the host about subjects of due work, after their plans were read, and about organizations: the revision that guards an
 * intent must not be newer than what it was decided by. `hear` gets each part of the answer as soon as it is there.
 * @throws NotificationError where the plans cannot be read; unless `evenIfNone`, also where the host answers for none of one kind.
 */
export async function askAbout(
  { host, options }: Context,
  subjects: readonly Subject[],
  organizationIds: readonly string[],
  hear: (news: News) => void,
  evenIfNone: boolean,
): Promise<void> {
  const byAppointment = byId(subjects, 'appointmentId')
  const byEntry = byId(subjects, 'waitlistEntryId')
  const found = await options.storage.plans.find([...byAppointment.keys()])
  const plans = new Map(found.map((plan) => [planKey(plan), plan]))

  /** How to look up ids, and what is heard of them. */
  function lookUp<T>(byOne: ReadonlyMap<EntityId, readonly Subject[]>, lookupOf: (lookup: Lookup<T>) => SubjectLookup) {
    const part = (ids: readonly EntityId[], said: Lookups<EntityId, T>) =>
      hear({
        organizations: [],
        subjects: ids.flatMap((id) =>
          (byOne.get(id) ?? []).map((about) => {
            const { works, appointmentId } = about
            const plan = plans.get(planKey(about)) ?? null
            return { about, known: { ...lookupOf(said(id)), works, appointmentId, plan } }
          }),
        ),
      })
    const organizationOf = (id: EntityId) => byOne.get(id)?.[0]?.organizationId ?? null
    const asked: LookupOptions<EntityId, T> = { evenIfNone, organizationOf, part }
    return { ids: [...byOne.keys()], asked, part }
  }

  const appointments = lookUp<Appointment>(byAppointment, (appointment) => ({ appointment, waitlistEntry: gone }))
  const entries = lookUp<WaitlistEntry>(byEntry, (waitlistEntry) => ({ appointment: gone, waitlistEntry }))
  const hearOrganizations = (ids: readonly string[], said: Lookups<string, Organization>) =>
    hear({ subjects: [], organizations: ids.map((id) => ({ id, lookup: said(id) })) })

  await Promise.all([
    host.appointments(appointments.ids, appointments.asked).then((said) => {
      appointments.part(unanswered(appointments.ids, said), said)
    }),
    entries.ids.length === 0
      ? null
      : host.waitlistEntries(entries.ids, entries.asked).then((said) => {
          entries.part(unanswered(entries.ids, said), said)
        }),
    organizationIds.length === 0
      ? null
      : host.organizations(organizationIds, { evenIfNone, part: hearOrganizations }).then((said) => {
          hearOrganizations(unanswered(organizationIds, said), said)
        }),
  ])
}

/** What due work is checked by. */
export type WorkLookups = {
  readonly appointment: Lookups<EntityId, Appointment>
  readonly waitlistEntry: Lookups<EntityId, WaitlistEntry>
  readonly organization: Lookups<string, Organization>
  readonly planOf: (due: DueWork) => PlanRow | null
}

/**
 * Asks about work of which nothing is known, and waits for all of the answer.
 * @throws NotificationError `directory_failed` or `directory_invalid` where the host answers for nothing now.
 */
export async function lookUpWork(context: Context, works: readonly DueWork[]): Promise<WorkLookups> {
  const subjects = subjectsOf(works.map((due) => ({ subject: subjectKey(due), works: [due], workKeys: [] })))
  const organizationIds = new Set(subjects.map(({ organizationId }) => organizationId))
  const known = new Map<string, Known>()
  const organizations = new Map<string, Lookup<Organization>>()
  const hear = (news: News) => {
    for (const one of news.subjects) known.set(one.about.subject, one.known)
    for (const { id, lookup } of news.organizations) organizations.set(id, lookup)
  }
  await askAbout(context, subjects, [...organizationIds], hear, false)
  return lookupsBy(
    works,
    (subject) => known.get(subject),
    (id) => organizations.get(id) ?? gone,
  )
}

/** By what is known of each subject. */
export function lookupsBy(
  works: readonly DueWork[],
  knownOf: (subject: string) => Known | undefined,
  organization: WorkLookups['organization'],
): WorkLookups {
  const appointments = new Map<EntityId, Lookup<Appointment>>()
  const waitlistEntries = new Map<EntityId, Lookup<WaitlistEntry>>()
  const plans = new Map<string, PlanRow | null>()
  for (const due of works) {
    const known = knownOf(subjectKey(due))
    const { appointmentId, waitlistEntryId } = targetOf(due)
    plans.set(subjectKey(due), known?.plan ?? null)
    if (known !== undefined && appointmentId !== null) appointments.set(appointmentId, known.appointment)
    if (known !== undefined && waitlistEntryId !== null) waitlistEntries.set(waitlistEntryId, known.waitlistEntry)
  }
  return {
    appointment: (id) => appointments.get(id) ?? gone,
    waitlistEntry: (id) => waitlistEntries.get(id) ?? gone,
    organization,
    planOf: (due) => plans.get(subjectKey(due)) ?? null,
  }
}

/** An appointment's plan is an organization's own. */
export const planKey = (of: { readonly organizationId: string; readonly appointmentId: EntityId | null }): string =>
  `${of.organizationId} ${of.appointmentId}`

const gone = { kind: 'gone' } as const

const unanswered = <Id>(ids: readonly Id[], lookupOf: (id: Id) => Lookup<unknown>): Id[] =>
  ids.filter((id) => lookupOf(id).kind === 'unanswered')

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
