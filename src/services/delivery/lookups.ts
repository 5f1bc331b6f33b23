import type { Appointment, WaitlistEntry } from '../../domain/appointment.ts'
import type { Lookup } from '../../domain/due.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import type { Context } from '../shared/context.ts'
import type { LookupOptions, Lookups } from '../shared/directory/batch-reader.ts'
import type { Group } from './ready-queue.ts'
import type { DueWork } from './work.ts'

/** What one or several groups of due work are about. */
export type Subject = {
  readonly subject: string
  readonly organizationId: string
  readonly appointmentId: EntityId | null
  readonly waitlistEntryId: EntityId | null
  readonly works: ReadonlySet<string>
}

/** The lookup of one subject of due work, and its plan, which was read before the directory was called. */
export type SubjectLookup = {
  readonly plan: PlanRow | null
  /** The `workKey`s that were due at the call; for later ones the subject is looked up again, since it may have changed. */
  readonly works: ReadonlySet<string>
  readonly appointmentId: EntityId | null
} & SubjectSides

/** A subject is an appointment or a waitlist entry; the other lookup is `gone`. */
type SubjectSides = { readonly appointment: Lookup<Appointment>; readonly waitlistEntry: Lookup<WaitlistEntry> }

/** Some results of a call to the directory, `unanswered` ones too. */
export type LookupBatch = {
  readonly subjects: readonly { readonly about: Subject; readonly known: SubjectLookup }[]
  readonly organizations: readonly { readonly id: string; readonly lookup: Lookup<Organization> }[]
}

export function subjectsOf(groups: readonly Pick<Group, 'subject' | 'works' | 'workKeys'>[]): Subject[] {
  return [...Map.groupBy(groups, ({ subject }) => subject)].flatMap(([subject, ofOne]) => {
    const first = ofOne[0]?.works[0]
    if (first === undefined) return []
    const { organizationId, appointmentId, waitlistEntryId } = first.target
    const keys = ofOne.flatMap(({ workKeys }) => workKeys)
    return { subject, organizationId, appointmentId, waitlistEntryId, works: new Set(keys) }
  })
}

/**
 * Looks up subjects of due work and organizations in the directory. Plans are read first: the revision that guards an intent must
 * not be newer than the state it was decided by. `onBatch` is called with each part of the results as it arrives.
 * @throws NotificationError if the plans cannot be read; unless `evenIfNone`, also if the directory fails for all of one kind.
 */
export async function lookUpSubjects(
  { host, options }: Context,
  subjects: readonly Subject[],
  organizationIds: readonly string[],
  onBatch: (batch: LookupBatch) => void,
  evenIfNone: boolean,
): Promise<void> {
  const byAppointment = byId(subjects, 'appointmentId')
  const byEntry = byId(subjects, 'waitlistEntryId')
  const found = await options.storage.plans.find([...byAppointment.keys()])
  const plans = new Map(found.map((plan) => [planKey(plan), plan]))

  /** The ids to look up, the options of the call, and `part`, which passes results on to `onBatch`. */
  function lookUp<T>(byOne: ReadonlyMap<EntityId, readonly Subject[]>, sidesOf: (lookup: Lookup<T>) => SubjectSides) {
    const part = (ids: readonly EntityId[], lookupOf: Lookups<EntityId, T>) =>
      onBatch({
        organizations: [],
        subjects: ids.flatMap((id) =>
          (byOne.get(id) ?? []).map((about) => {
            const { works, appointmentId } = about
            const plan = plans.get(planKey(about)) ?? null
            return { about, known: { works, appointmentId, plan, ...sidesOf(lookupOf(id)) } }
          }),
        ),
      })
    const organizationOf = (id: EntityId) => byOne.get(id)?.[0]?.organizationId ?? null
    const asked: LookupOptions<EntityId, T> = { evenIfNone, organizationOf, part }
    return { ids: [...byOne.keys()], asked, part }
  }

  const appointments = lookUp<Appointment>(byAppointment, (appointment) => ({ appointment, waitlistEntry: gone }))
  const entries = lookUp<WaitlistEntry>(byEntry, (waitlistEntry) => ({ appointment: gone, waitlistEntry }))
  const addOrganizations = (ids: readonly string[], lookupOf: Lookups<string, Organization>) =>
    onBatch({ subjects: [], organizations: ids.map((id) => ({ id, lookup: lookupOf(id) })) })

  await Promise.all([
    host.appointments(appointments.ids, appointments.asked).then((lookupOf) => {
      appointments.part(unanswered(appointments.ids, lookupOf), lookupOf)
    }),
    entries.ids.length === 0
      ? null
      : host.waitlistEntries(entries.ids, entries.asked).then((lookupOf) => {
          entries.part(unanswered(entries.ids, lookupOf), lookupOf)
        }),
    organizationIds.length === 0
      ? null
      : host.organizations(organizationIds, { evenIfNone, part: addOrganizations }).then((lookupOf) => {
          addOrganizations(unanswered(organizationIds, lookupOf), lookupOf)
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
 * Looks up due work without recent lookups, and waits for all results.
 * @throws NotificationError `directory_failed` or `directory_invalid` if the directory fails for everything.
 */
export async function lookUpWork(context: Context, works: readonly DueWork[]): Promise<WorkLookups> {
  const subjects = subjectsOf(works.map((due) => ({ subject: due.subject, works: [due], workKeys: [] })))
  const organizationIds = new Set(subjects.map(({ organizationId }) => organizationId))
  const known = new Map<string, SubjectLookup>()
  const organizations = new Map<string, Lookup<Organization>>()
  const onBatch = (batch: LookupBatch) => {
    for (const one of batch.subjects) known.set(one.about.subject, one.known)
    for (const { id, lookup } of batch.organizations) organizations.set(id, lookup)
  }
  await lookUpSubjects(context, subjects, [...organizationIds], onBatch, false)
  return lookupsBy(
    works,
    (subject) => known.get(subject),
    (id) => organizations.get(id) ?? gone,
  )
}

/** The lookups of due work, from those of its subjects. */
export function lookupsBy(
  works: readonly DueWork[],
  knownOf: (subject: string) => SubjectLookup | undefined,
  organization: WorkLookups['organization'],
): WorkLookups {
  const appointments = new Map<EntityId, Lookup<Appointment>>()
  const waitlistEntries = new Map<EntityId, Lookup<WaitlistEntry>>()
  const plans = new Map<string, PlanRow | null>()
  for (const due of works) {
    const known = knownOf(due.subject)
    const { appointmentId, waitlistEntryId } = due.target
    plans.set(due.subject, known?.plan ?? null)
    if (known !== undefined && appointmentId !== null) appointments.set(appointmentId, known.appointment)
    if (known !== undefined && waitlistEntryId !== null) waitlistEntries.set(waitlistEntryId, known.waitlistEntry)
  }
  return {
    appointment: (id) => appointments.get(id) ?? gone,
    waitlistEntry: (id) => waitlistEntries.get(id) ?? gone,
    organization,
    planOf: (due) => plans.get(due.subject) ?? null,
  }
}

/** Plans are separate for each organization. */
export const planKey = (of: { readonly organizationId: string; readonly appointmentId: EntityId | null }): string =>
  `${of.organizationId} ${of.appointmentId}`

const gone = { kind: 'gone' } as const

const unanswered = <Id>(ids: readonly Id[], lookupOf: (id: Id) => Lookup<unknown>): Id[] =>
  ids.filter((id) => lookupOf(id).kind === 'unanswered')

/** One id may belong to two organizations while an appointment moves from one to the other. */
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
