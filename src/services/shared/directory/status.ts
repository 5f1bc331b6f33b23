import type { Circuit } from '../breaker.ts'
import type { DirectoryMethod, DirectoryMethodName } from './method.ts'
import type { RowStatus } from './row-findings.ts'
import type { Troubles } from './troubles.ts'

export type DirectoryMethodStatus = {
  readonly method: DirectoryMethodName
  /** `degraded`: it fails, or does for some organizations; `failing`: for all, as far as can be known. */
  readonly status: 'ok' | 'degraded' | 'failing'
  /** `open`: questions about what is not planned yet fail at once, because several in a row were not answered. */
  readonly circuit: Circuit
  /** What is wrong, in a few words; null if all is well. */
  readonly fault: string | null
  readonly since: Date | null
  /** How many organizations are not answered for while others are, and the first of their ids. */
  readonly organizations: { readonly count: number; readonly ids: readonly string[] }
  /** What is wrong with rows that it answered in the last hour: those that cannot be used wait, others are used in part. */
  readonly rows: RowStatus
}

/** What this process knows of the host's directory; methods that were not asked yet count as `ok`. */
export type DirectoryStatus = {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly methods: readonly DirectoryMethodStatus[]
}

/** Why a message waits: what is wrong with the directory for its organization. */
export type DirectoryFault = { readonly method: DirectoryMethodName; readonly fault: string; readonly since: Date }

export type ObservedMethod = {
  readonly rows: RowStatus
  readonly method: Pick<DirectoryMethod<never, unknown>, 'name' | 'circuit' | 'fault'>
  readonly troubles: Pick<Troubles, 'failing'> | null
  /** Whether what fails now fails for all, so that no message can be sent. */
  readonly concernsAll: boolean
}

/** One question that failed is no state; as many in a row are. */
const failuresInRow = 3
const mostIds = 10

/** `only`: an organization that is told of what concerns it and nothing else. */
export function directoryStatus(observed: readonly ObservedMethod[], only: string | null): DirectoryStatus {
  const methods = observed.map((one) => methodStatus(one, only))
  const worst = (['failing', 'degraded'] as const).find((status) => methods.some((one) => one.status === status))
  return { status: worst ?? 'ok', methods }
}

/** What is known to be wrong for an organization, of the methods that a message needs; null: nothing. */
export function faultFor(observed: readonly ObservedMethod[], organizationId: string): DirectoryFault | null {
  for (const { method, troubles, concernsAll } of observed) {
    const { name, fault } = method
    if (fault !== null && concernsAll) return { method: name, fault: fault.fault, since: fault.since }
    const own = troubles?.failing.find((one) => one.organizationId === organizationId)
    if (own !== undefined) return { method: name, fault: own.message, since: own.since }
  }
  return null
}

function methodStatus(
  { method, troubles, concernsAll, rows }: ObservedMethod,
  only: string | null,
): DirectoryMethodStatus {
  const { name, circuit } = method
  const failing = (troubles?.failing ?? []).filter(({ organizationId }) => only === null || organizationId === only)
  // Where organizations are asked about apart, what was not answered last may be somebody else's.
  const fault = only === null || concernsAll || troubles === null ? method.fault : null
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
      ids: failing.slice(0, mostIds).map(({ organizationId }) => organizationId),
    },
    rows,
  }
}
