import { isNotificationError } from '../../errors.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import { allDue, readWork } from '../delivery/work.ts'
import type { Context } from '../shared/context.ts'
import { isDirectoryFault } from '../shared/directory/batch-reader.ts'
import { faultOf } from '../shared/fault-log.ts'
import { withTimeout } from '../shared/with-timeout.ts'
import type { Finding } from './check-up-table.ts'

/** How long the directory is asked for, in ms. */
const probeMs = 5000
/** A page should not take longer, in ms. */
const slowMs = 2000
/** Of how many appointments it is asked. */
const probedRows = 20
/** How far behind the next message appointments are asked for, in ms. */
const aheadMs = 3_600_000
/** Pages of plans that are looked through for one that is ahead. */
const mostPages = 5

export type Probed = {
  /** The organizations that it returned. */
  readonly seen: readonly Organization[]
  readonly findings: readonly Finding[]
}

/**
 * Asks the directory as sending would, so that a process that sends nothing finds its faults too: for upcoming appointments, or for those
 * that have a plan. What it answers wrongly is in its status afterwards.
 */
export async function probeDirectory(context: Context): Promise<Probed> {
  const { host, options } = context
  const { clock, logger } = options
  const findings: Finding[] = []
  let waitsFor = 'upcoming'
  /** Null: it failed. */
  const ask = async <T>(method: string, call: () => Promise<T>): Promise<T | null> => {
    const began = clock.elapsedMs()
    waitsFor = method
    const answer = await call().catch((error: unknown) => {
      if (isDirectoryFault(error)) return null
      throw error
    })
    const seconds = Math.round((clock.elapsedMs() - began) / 100) / 10
    if (seconds * 1000 >= slowMs)
      findings.push(['directory_slow', { cause: `directory.${method}() took ${seconds} s for a page.` }])
    return answer
  }
  const asked = (async () => {
    const listed = host.listsUpcoming ? await ask('upcoming', () => host.upcoming(null)) : null
    const stored = listed === null || listed.ids.length === 0 ? await planned(context) : nothing
    const ids = [...new Set(listed === null || listed.ids.length === 0 ? stored.appointments : listed.ids)]
    const probed = ids.slice(0, probedRows)
    if (probed.length === 0) {
      const cause =
        'No appointment is known that directory.appointments() could be asked for: none is upcoming or planned.'
      findings.push(['directory_unasked', { cause }])
      return []
    }
    const lookupOf = await ask('appointments', () => host.appointments(probed))
    const found = probed.flatMap((id) => {
      const lookup = lookupOf?.(id)
      return lookup?.kind === 'known' ? lookup.value.organizationId : []
    })
    const organizations = [...new Set([...found, ...stored.organizations])].slice(0, probedRows)
    const ofId = await ask('organizations', () => host.organizations(organizations))
    return organizations.flatMap((id) => {
      const lookup = ofId?.(id)
      return lookup?.kind === 'known' ? lookup.value : []
    })
  })()
  // The storage's faults are findings of its own; anything else is said in the log.
  const failed = asked.catch((error: unknown) => {
    if (!isNotificationError(error)) logger.warn('check-up failed', { part: 'directory', fault: faultOf(error) })
    return []
  })
  const seen = await withTimeout(clock, probeMs, failed, () => {
    findings.push([
      'directory_failing',
      { cause: `directory.${waitsFor}() did not answer within ${probeMs / 1000} s.` },
    ])
    return []
  })
  return { seen, findings }
}

type Planned = { readonly appointments: readonly EntityId[]; readonly organizations: readonly string[] }
const nothing: Planned = { appointments: [], organizations: [] }

/** What sending asks for next; where nothing waits to be sent from here, what has a plan. */
async function planned({ options: { storage, clock } }: Context): Promise<Planned> {
  const next = await storage.deliveries.nextDueAt()
  if (next !== null) {
    const now = new Date(next.getTime() + aheadMs)
    const { works } = await readWork(allDue(storage), storage, { now, limit: probedRows })
    const targets = works.map(({ target }) => target)
    const appointments = targets.flatMap(({ appointmentId }) => appointmentId ?? [])
    if (appointments.length > 0) {
      return { appointments, organizations: targets.map(({ organizationId }) => organizationId) }
    }
  }
  let cursor: string | null = null
  for (let page = 0; page < mostPages; page += 1) {
    const { plans, cursor: after } = await storage.plans.upcoming(clock.now(), cursor, probedRows)
    if (plans.length > 0) {
      return {
        appointments: plans.map(({ appointmentId }) => appointmentId),
        organizations: plans.map(({ organizationId }) => organizationId),
      }
    }
    if (after === null) break
    cursor = after
  }
  return nothing
}
