import type { BulkheadPolicy } from 'cockatiel'
import { isNotificationError, NotificationError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import { onFirstUse } from '../../../schemas/on-first-use.ts'
import { withTimeout } from '../with-timeout.ts'
import type { CallMode, DirectoryMethod } from './method.ts'
import type { OrganizationFaults } from './organization-faults.ts'

/** The most ids in one call, as the port documents. */
export const maxBatchSize = 500
/** A call for several organizations that takes longer than this, and longer than usual, is repeated in parts, in ms. */
const patienceMs = 2000
const slowFactor = 3
/** The number of parts into which a failed batch is divided. */
const partCount = 8
/** How many units are tried to see whether all of them fail. */
const sampleSize = 3
/** The most concurrent calls once a batch is divided. */
const atOnce = 50
/** The first and the longest wait for an id that fails on its own, in ms; each wait is twice as long as the one before. */
const firstWaitMs = 1000
const longestWaitMs = 60_000
const maxRemembered = 10_000

/** Why an id could not be read: the directory fails for everything, for its organization, or for this id. */
export type Unanswered = {
  readonly error: NotificationError
  readonly concerns: 'all' | 'organization' | 'one'
}

export type BatchRequest<Id> = {
  readonly ids: readonly Id[]
  /** Null if unknown. */
  readonly organizationOf: (id: Id) => string | null
  /** True also requests organizations that are being waited for after a failure. */
  readonly eager: boolean
  /** Called with each part of the rows as soon as it is there: an id without a row is gone. */
  readonly onRows: (ids: readonly Id[], rows: readonly unknown[]) => void
}

/** Ids of one organization; an id whose organization is unknown is a unit of its own. */
type Unit<Id> = { readonly organizationId: string | null; readonly ids: readonly Id[] }

/** A batch in progress: the ids without a result yet, and those that failed. The first result for an id counts. */
type Run<Id> = {
  readonly open: Set<Id>
  readonly unanswered: Map<Id, Unanswered>
  readonly onRows: BatchRequest<Id>['onRows']
  readonly limit: () => Promise<BulkheadPolicy>
}

/**
 * Requests many ids in batches. A batch that fails, or takes long and contains several organizations, is repeated in parts: by
 * organization, then id by id, until those that fail are found. The others get their results meanwhile.
 */
export class BatchRequests<Id> {
  readonly #method: DirectoryMethod<readonly Id[], readonly unknown[]>
  readonly #organizationFaults: OrganizationFaults
  readonly #clock: Clock
  /** How often in a row ids failed on their own. */
  readonly #failures = new Map<Id, number>()
  /** How long a successful call usually takes, in ms. */
  #usualMs = 0
  #turn = 0
  /** The first organization that was requested, and whether there was another. */
  #first: string | null = null
  #knowsSeveral = false
  #failsForAll = false

  constructor(
    method: DirectoryMethod<readonly Id[], readonly unknown[]>,
    organizationFaults: OrganizationFaults,
    clock: Clock,
  ) {
    this.#method = method
    this.#organizationFaults = organizationFaults
    this.#clock = clock
  }

  /** Whether current failures affect all organizations, as far as can be known. */
  get concernsAll(): boolean {
    return this.#failsForAll || !this.#knowsSeveral
  }

  /** Resolves when each id has been read or has failed, with those that failed. Never rejects. */
  async send({ ids, organizationOf, eager, onRows }: BatchRequest<Id>): Promise<ReadonlyMap<Id, Unanswered>> {
    const limit = onFirstUse(async () => (await import('cockatiel')).bulkhead(atOnce, Number.POSITIVE_INFINITY))
    const run: Run<Id> = { open: new Set(ids), unanswered: new Map(), onRows, limit }
    const together: Unit<Id>[] = []
    const apart: Unit<Id>[] = []
    const { refusal } = this.#method
    for (const unit of unitsOf(ids, organizationOf)) {
      this.#first ??= unit.organizationId
      if (unit.organizationId !== null && unit.organizationId !== this.#first) this.#knowsSeveral = true
      const standing = this.#organizationFaults.standing(unit.organizationId, eager)
      if (standing.kind === 'not_now') this.#failOrganization(run, unit.ids, standing.error)
      else if (standing.kind === 'apart') apart.push(unit)
      else if (refusal !== null && unit.organizationId === null)
        fail(run, unit.ids, { error: refusal, concerns: 'all' })
      else together.push(unit)
    }
    await Promise.all([
      ...apart.map((unit) => this.#organizationFaults.asking(unit.organizationId, () => this.#alone(run, unit))),
      ...inBatches(together).map((units) => this.#together(run, units)),
    ])
    return run.unanswered
  }

  async #together(run: Run<Id>, units: readonly Unit<Id>[]): Promise<void> {
    const mode = units.some(({ organizationId }) => organizationId === null) ? 'guarded' : 'counted'
    const askedAt = this.#clock.elapsedMs()
    const first = this.#try(run, idsOf(units), mode)
    const [only, ...others] = units
    const soon = others.length === 0 ? await first : await this.#soon(first)
    if (soon === null) this.#usualMs += (this.#clock.elapsedMs() - askedAt - this.#usualMs) / 5
    else if (only === undefined) return
    else if (others.length === 0) await this.#within(run, only, soon === 'slow' ? await first : soon)
    else await Promise.race([successOf(first), this.#divided(run, units, first)])
  }

  /** By organization, unless all of a sample fail: then all organizations do, as far as can be known. */
  async #divided(run: Run<Id>, units: readonly Unit<Id>[], first: Promise<NotificationError | null>): Promise<void> {
    const { rest, failed } = await this.#probe(
      units,
      (unit) => this.#timed(run, unit),
      (others) => this.#inParts(run, others, (unit) => this.#alone(run, unit)),
    )
    if (rest === null) {
      const error = await first
      if (error === null) return
      this.#failsForAll = true
      return fail(run, idsOf(units), { error, concerns: 'all' })
    }
    await Promise.all([rest, ...failed.map(([unit, fault]) => this.#within(run, unit, fault))])
  }

  /** One organization on its own. */
  async #alone(run: Run<Id>, unit: Unit<Id>): Promise<void> {
    const fault = await this.#timed(run, unit)
    if (fault === null) this.#organizationFaults.answered(unit.organizationId)
    else await this.#within(run, unit, fault)
  }

  /** Finds which ids of an organization fail, after it failed as a whole. */
  async #within(run: Run<Id>, { organizationId, ids }: Unit<Id>, fault: NotificationError | null): Promise<void> {
    if (fault === null) return
    this.#organizationFaults.keepApart(organizationId)
    if (ids.length === 1 || organizationId === null) return this.#failOne(run, ids, fault)
    const one = async (unit: Unit<Id>) => {
      const failure = await this.#try(run, unit.ids, 'apart')
      if (failure !== null) this.#failOne(run, unit.ids, failure)
    }
    const { rest, failed } = await this.#probe(
      ids.map((id): Unit<Id> => ({ organizationId, ids: [id] })),
      (unit) => this.#try(run, unit.ids, 'apart'),
      (others) => this.#inParts(run, others, one),
    )
    if (rest === null) return this.#failOrganization(run, ids, this.#organizationFaults.failed(organizationId, fault))
    this.#organizationFaults.answered(organizationId)
    for (const [unit, failure] of failed) this.#failOne(run, unit.ids, failure)
    await rest
  }

  /**
   * Requests a few of many units, and the rest as soon as one of them succeeds. `rest` is null if none does;
   * `failed`: those of the few that failed.
   */
  async #probe(
    units: readonly Unit<Id>[],
    ask: (unit: Unit<Id>) => Promise<NotificationError | null>,
    goOn: (rest: readonly Unit<Id>[]) => Promise<void>,
  ): Promise<{ readonly rest: Promise<void> | null; readonly failed: readonly [Unit<Id>, NotificationError][] }> {
    const { sample, rest } = this.#sample(units)
    const failed: [Unit<Id>, NotificationError][] = []
    let going: Promise<void> | null = null
    await Promise.all(
      sample.map(async (unit) => {
        const fault = await ask(unit)
        if (fault === null) going ??= goOn(rest)
        else failed.push([unit, fault])
      }),
    )
    return { rest: going, failed }
  }

  /** Divides a batch until the part that fails or is slow is a single unit, which is left to `alone`. */
  async #inParts(run: Run<Id>, units: readonly Unit<Id>[], alone: (unit: Unit<Id>) => Promise<void>): Promise<void> {
    if (units.length <= partCount) return void (await Promise.all(units.map(alone)))
    const size = Math.ceil(units.length / partCount)
    const parts = Array.from({ length: partCount }, (_, index) => units.slice(index * size, (index + 1) * size))
    await Promise.all(
      parts.map(async (part) => {
        const [only, ...others] = part
        if (only === undefined) return
        if (others.length === 0) return alone(only)
        const first = this.#try(run, idsOf(part), 'apart')
        if ((await this.#soon(first)) === null) return
        await Promise.race([successOf(first), this.#inParts(run, part, alone)])
      }),
    )
  }

  /** Null on success, otherwise the error. An organization that takes long is requested separately from then on. */
  async #timed(run: Run<Id>, unit: Unit<Id>): Promise<NotificationError | null> {
    const asked = this.#try(run, unit.ids, 'apart')
    if ((await this.#soon(asked)) === 'slow') this.#organizationFaults.keepApart(unit.organizationId)
    return asked
  }

  /** Null on success, otherwise the error. */
  async #try(run: Run<Id>, ids: readonly Id[], mode: CallMode): Promise<NotificationError | null> {
    const ask = () => this.#method.call(ids, mode)
    try {
      const rows = await (mode === 'apart' ? (await run.limit()).execute(ask) : ask())
      this.#failsForAll = false
      for (const id of ids) this.#failures.delete(id)
      const fresh = ids.filter((id) => run.open.delete(id))
      if (fresh.length > 0) run.onRows(fresh, rows)
      return null
    } catch (error) {
      if (isNotificationError(error)) return error
      throw error
    }
  }

  #soon(first: Promise<NotificationError | null>): Promise<NotificationError | null | 'slow'> {
    return withTimeout(this.#clock, this.#patienceMs, first, () => 'slow' as const)
  }

  get #patienceMs(): number {
    return Math.max(patienceMs, slowFactor * this.#usualMs)
  }

  #failOrganization(run: Run<Id>, ids: readonly Id[], error: NotificationError): void {
    fail(run, ids, { error, concerns: this.concernsAll ? 'all' : 'organization' })
  }

  #failOne(run: Run<Id>, ids: readonly Id[], fault: NotificationError): void {
    for (const id of ids) {
      const failures = this.#failures.get(id) ?? 0
      if (this.#failures.size < maxRemembered) this.#failures.set(id, failures + 1)
      const retryAfterMs = Math.min(longestWaitMs, firstWaitMs * 2 ** failures)
      const { code, message, cause } = fault
      fail(run, [id], { error: new NotificationError(code, message, { cause, retryAfterMs }), concerns: 'one' })
    }
  }

  /** A few, evenly spread, different ones each time. */
  #sample<T>(all: readonly T[]): { readonly sample: readonly T[]; readonly rest: readonly T[] } {
    const turned = [...all.slice(this.#turn % all.length), ...all.slice(0, this.#turn % all.length)]
    this.#turn += 1
    const step = Math.max(1, Math.floor(turned.length / sampleSize))
    const chosen = (index: number) => index % step === 0 && index / step < sampleSize
    return {
      sample: turned.filter((_one, index) => chosen(index)),
      rest: turned.filter((_one, index) => !chosen(index)),
    }
  }
}

function fail<Id>(run: Run<Id>, ids: readonly Id[], why: Unanswered): void {
  for (const id of ids) if (run.open.delete(id)) run.unanswered.set(id, why)
}

/** The ids of each organization in as few calls as possible. */
function* unitsOf<Id>(ids: readonly Id[], organizationOf: (id: Id) => string | null): Generator<Unit<Id>> {
  for (const [organizationId, members] of Map.groupBy(new Set(ids), organizationOf)) {
    const size = organizationId === null ? 1 : maxBatchSize
    for (let first = 0; first < members.length; first += size) {
      yield { organizationId, ids: members.slice(first, first + size) }
    }
  }
}

function inBatches<Id>(units: readonly Unit<Id>[]): Unit<Id>[][] {
  const batches: Unit<Id>[][] = []
  let size = maxBatchSize
  for (const unit of units) {
    if (size + unit.ids.length > maxBatchSize) {
      batches.push([])
      size = 0
    }
    batches.at(-1)?.push(unit)
    size += unit.ids.length
  }
  return batches
}

const idsOf = <Id>(units: readonly Unit<Id>[]): Id[] => units.flatMap(({ ids }) => ids)

/** Resolves if the call succeeds, otherwise never: then the calls in its place decide. */
const successOf = (first: Promise<NotificationError | null>): Promise<void> =>
  first.then((fault) => (fault === null ? undefined : new Promise(() => {})))
