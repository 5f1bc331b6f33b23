import type { Circuit } from '../breaker.ts'
import type { DirectoryMethod, DirectoryMethodName } from './method.ts'
import type { OrganizationFaults } from './organization-faults.ts'
import type { RowStatus } from './row-findings.ts'

export type DirectoryMethodStatus = {
  readonly method: DirectoryMethodName
  /** `degraded`: it fails sometimes, or for some organizations; `failing`: for all, as far as can be known. */
  readonly status: 'ok' | 'degraded' | 'failing'
  /** `open`: calls for unplanned appointments fail at once, because several calls in a row timed out. */
  readonly circuit: Circuit
  /** What is wrong, in a few words; null if all is well. */
  readonly fault: string | null
  readonly since: Date | null
  /** How many organizations it fails for while it works for others, and the first of their ids. */
  readonly organizations: { readonly count: number; readonly ids: readonly string[] }
  /** Findings in rows that it returned in the last hour: messages for unusable rows wait, other rows are used in part. */
  readonly rows: RowStatus
}

/** The status of the host's directory as seen by this process; methods that were not called yet count as `ok`. */
export type DirectoryStatus = {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly methods: readonly DirectoryMethodStatus[]
}

/** Why a message waits: a fault of the directory that affects its organization. */
export type DirectoryFault = { readonly method: DirectoryMethodName; readonly fault: string; readonly since: Date }

export type ObservedMethod = {
  readonly rows: RowStatus
  readonly method: Pick<DirectoryMethod<never, unknown>, 'name' | 'circuit' | 'fault'>
  readonly organizationFaults: Pick<OrganizationFaults, 'failing'> | null
  /** Whether current failures affect all organizations, so that no message can be sent. */
  readonly concernsAll: boolean
}

/** This many failed calls in a row count as `failing`; a single one does not. */
const failuresInRow = 3
const maxIds = 10

/** `only`: shows only what concerns this organization. */
export function directoryStatus(observed: readonly ObservedMethod[], only: string | null): DirectoryStatus {
  const methods = observed.map((one) => methodStatus(one, only))
  const worst = (['failing', 'degraded'] as const).find((status) => methods.some((one) => one.status === status))
  return { status: worst ?? 'ok', methods }
}

/** A known fault of a method that messages of the organization need; null: none. */
export function faultFor(observed: readonly ObservedMethod[], organizationId: string): DirectoryFault | null {
  for (const { method, organizationFaults, concernsAll } of observed) {
    const { name, fault } = method
    if (fault !== null && concernsAll) return { method: name, fault: fault.fault, since: fault.since }
    const own = organizationFaults?.failing.find((one) => one.organizationId === organizationId)
    if (own !== undefined) return { method: name, fault: own.message, since: own.since }
  }
  return null
}

function methodStatus(
  { method, organizationFaults, concernsAll, rows }: ObservedMethod,
  only: string | null,
): DirectoryMethodStatus {
  const { name, circuit } = method
  const failing = (organizationFaults?.failing ?? []).filter(
    ({ organizationId }) => only === null || organizationId === only,
  )
  // If organizations are requested separately, the last failure may concern another one.
  const fault = only === null || concernsAll || organizationFaults === null ? method.fault : null
  const isFailing = fault !== null && fault.count >= failuresInRow && concernsAll
  const isWell = fault === null && failing.length === 0 && circuit === 'closed' && rows.unreadable.count === 0
  const [first] = failing
  return {
    method: name,
    status: isFailing ? 'failing' : isWell ? 'ok' : 'degraded',
    circuit,
    fault: fault?.fault ?? first?.message ?? null,
    since: fault?.since ?? first?.since ?? null,
    organizations: {
      count: failing.length,
      ids: failing.slice(0, maxIds).map(({ organizationId }) => organizationId),
    },
    rows,
  }
}
