import type { Appointment, WaitlistEntry } from '../../domain/appointment.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import type { Context } from '../context.ts'
import type { Truths } from '../directory/batch-reader.ts'
import { type DueWork, factsOf } from './work.ts'

/** What the host says of the subjects of due work, with the plans as they were before it was asked. */
export type WorkTruths = {
  readonly appointment: Truths<EntityId, Appointment>
  readonly waitlistEntry: Truths<EntityId, WaitlistEntry>
  readonly organization: Truths<string, Organization>
  readonly planOf: (due: DueWork) => PlanRow | null
}

/** Which subjects to ask about, and whose they are. */
export type Subjects = {
  readonly appointments: ReadonlyMap<EntityId, string>
  readonly waitlistEntries: ReadonlyMap<EntityId, string>
  readonly organizations: ReadonlySet<string>
}

export function subjectsOf(works: readonly DueWork[]): Subjects {
  const appointments = new Map<EntityId, string>()
  const waitlistEntries = new Map<EntityId, string>()
  const organizations = new Set<string>()
  for (const { appointmentId, waitlistEntryId, organizationId } of works.map(factsOf)) {
    if (appointmentId !== null) appointments.set(appointmentId, organizationId)
    if (waitlistEntryId !== null) waitlistEntries.set(waitlistEntryId, organizationId)
    organizations.add(organizationId)
  }
  return { appointments, waitlistEntries, organizations }
}

/** @throws NotificationError `directory_failed` or `directory_invalid` where the host answers for nothing now. */
export async function askTruths({ host, options }: Context, works: readonly DueWork[]): Promise<WorkTruths> {
  const { appointments, waitlistEntries, organizations } = subjectsOf(works)
  // Before the truth: the revision that guards the intent must not be newer than what it was decided by.
  const plans = plansByAppointment(await options.storage.plans.find([...appointments.keys()]))
  const [appointment, waitlistEntry, organization] = await Promise.all([
    host.appointments([...appointments.keys()], { organizationOf: (id) => appointments.get(id) ?? null }),
    waitlistEntries.size === 0
      ? () => gone
      : host.waitlistEntries([...waitlistEntries.keys()], { organizationOf: (id) => waitlistEntries.get(id) ?? null }),
    host.organizations([...organizations]),
  ])
  const planOf = (due: DueWork) => plans.get(planKey(factsOf(due))) ?? null
  return { appointment, waitlistEntry, organization, planOf }
}

export const plansByAppointment = (plans: readonly PlanRow[]): ReadonlyMap<string, PlanRow> =>
  new Map(plans.map((plan) => [planKey(plan), plan]))

/** An appointment's plan is an organization's own. */
export const planKey = (of: { readonly organizationId: string; readonly appointmentId: EntityId | null }): string =>
  `${of.organizationId} ${of.appointmentId}`

const gone = { kind: 'gone' } as const
