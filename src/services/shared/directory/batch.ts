import { type BulkheadPolicy, bulkhead } from 'cockatiel'
import { isNotificationError, NotificationError } from '../../../errors.ts'
import type { Clock } from '../../../ports/clock.ts'
import { withTimeout } from '../with-timeout.ts'
import type { AskMode, DirectoryMethod } from './method.ts'
import type { Troubles } from './troubles.ts'

/** Ids in one question at most, as the port documents. */
export const largestQuestion = 500
/** A question about several organizations that takes longer, and longer than usual, is asked again in parts, in ms. */
const patienceMs = 2000
const slowFactor = 3
/** Into so many parts a batch that failed is divided. */
const partCount = 8
/** So many are asked to see whether they all fail. */
const sampleSize = 3
/** So many questions are under way at most once a batch is divided. */
const atOnce = 50
/** The first wait of an id that fails by itself, and the longest, in ms; each is twice as long as the one before. */
const firstWaitMs = 1000
const longestWaitMs = 60_000
const mostRemembered = 10_000

/** Why nothing is known of an id: because nobody is answered for, because its organization is not, or because it is not. */
export type Unanswered = {
  readonly error: NotificationError
  readonly concerns: 'all' | 'organization' | 'one'
}

export type BatchQuestion<Id> = {
  readonly ids: readonly Id[]
  /** Null where it is not known whose it is. */
  readonly organizationOf: (id: Id) => string | null
  /** True asks also about organizations that are waited for, for somebody who has news of them. */
  readonly eager: boolean
  /** Called with each part of the answer as soon as it is there: an id that is not among its rows is gone. */
  readonly answered: (ids: readonly Id[], rows: readonly unknown[]) => void
}

/** Ids of one organization; one whose organization is not known is by itself. */
type Unit<Id> = { readonly organizationId: string | null; readonly ids: readonly Id[] }

/** One batch on its way: what is not answered yet, and what will not be. The first answer for an id counts. */
type Run<Id> = {
  readonly open: Set<Id>
  readonly unanswered: Map<Id, Unanswered>
  readonly answered: BatchQuestion<Id>['answered']
  readonly limit: BulkheadPolicy
}

/**
 * Questions about many ids. A batch that fails, or takes long where it is about several organizations, is asked in parts: by
 * organization, then id by id, until those are found that are not answered for. The others are answered meanwhile.
 */
export class BatchQuestions<Id> {
  readonly #method: DirectoryMethod<readonly Id[], readonly unknown[]>
  readonly #troubles: Troubles
  readonly #clock: Clock
  /** Of ids that failed by themselves, how often in a row. */
  readonly #failures = new Map<Id, number>()
  /** How long a question takes that is answered, in ms. */
  #usualMs = 0
  #turn = 0
  /** The first organization that was asked about, and whether there was another. */
  #first: string | null = null
  #knowsSeveral = false
  #failsForAll = false

  constructor(method: DirectoryMethod<readonly Id[], readonly unknown[]>, troubles: Troubles, clock: Clock) {
    this.#method = method
    this.#troubles = troubles
    this.#clock = clock
  }

  /** Whether what fails now fails for everybody, for all that can be known. */
  get concernsAll(): boolean {
    return this.#failsForAll || !this.#knowsSeveral
  }

  /** Resolves when each id is answered for or known not to be, with the latter. Never rejects. */
  async ask({ ids, organizationOf, eager, answered }: BatchQuestion<Id>): Promise<ReadonlyMap<Id, Unanswered>> {
    const limit = bulkhead(atOnce, Number.POSITIVE_INFINITY)
    const run: Run<Id> = { open: new Set(ids), unanswered: new Map(), answered, limit }
    const together: Unit<Id>[] = []
    const apart: Unit<Id>[] = []
    const { refusal } = this.#method
    for (const unit of unitsOf(ids, organizationOf)) {
      this.#first ??= unit.organizationId
      if (unit.organizationId !== null && unit.organizationId !== this.#first) this.#knowsSeveral = true
      const standing = this.#troubles.standing(unit.organizationId, eager)
      if (standing.kind === 'not_now') this.#failOrganization(run, unit.ids, standing.error)
      else if (standing.kind === 'apart') apart.push(unit)
      else if (refusal !== null && unit.organizationId === null)
        fail(run, unit.ids, { error: refusal, concerns: 'all' })
      else together.push(unit)
    }
    await Promise.all([
      ...apart.map((unit) => this.#troubles.asking(unit.organizationId, () => this.#alone(run, unit))),
      ...inQuestions(together).map((units) => this.#together(run, units)),
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
    else await Promise.race([answeredBy(first), this.#divided(run, units, first)])
  }

  /** By organization, unless none of a sample is answered for: then nobody is, for all that can be known. */
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

  /** An organization by itself. */
  async #alone(run: Run<Id>, unit: Unit<Id>): Promise<void> {
    const fault = await this.#timed(run, unit)
    if (fault === null) this.#troubles.answered(unit.organizationId)
    else await this.#within(run, unit, fault)
  }

  /** Of an organization that failed as a whole: which of its ids fail. */
  async #within(run: Run<Id>, { organizationId, ids }: Unit<Id>, fault: NotificationError | null): Promise<void> {
    if (fault === null) return
    this.#troubles.keepApart(organizationId)
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
    if (rest === null) return this.#failOrganization(run, ids, this.#troubles.failed(organizationId, fault))
    this.#troubles.answered(organizationId)
    for (const [unit, failure] of failed) this.#failOne(run, unit.ids, failure)
    await rest
  }

  /**
   * Asks about a few of many, and goes on with the rest as soon as one of them is answered for. `rest` is null where none is;
   * `failed` are those of the few that are not.
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

  /** Asks for parts of a batch until what fails, or is slow, is a unit: then it is left to `alone`. */
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
        await Promise.race([answeredBy(first), this.#inParts(run, part, alone)])
      }),
    )
  }

  /** Null if it is answered; otherwise why not. An organization that takes long is asked apart from then on. */
  async #timed(run: Run<Id>, unit: Unit<Id>): Promise<NotificationError | null> {
    const asked = this.#try(run, unit.ids, 'apart')
    if ((await this.#soon(asked)) === 'slow') this.#troubles.keepApart(unit.organizationId)
    return asked
  }

  /** Null if it is answered; otherwise why not. */
  async #try(run: Run<Id>, ids: readonly Id[], mode: AskMode): Promise<NotificationError | null> {
    const ask = () => this.#method.ask(ids, mode)
    try {
      const rows = await (mode === 'apart' ? run.limit.execute(ask) : ask())
      this.#failsForAll = false
      for (const id of ids) this.#failures.delete(id)
      const news = ids.filter((id) => run.open.delete(id))
      if (news.length > 0) run.answered(news, rows)
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
      if (this.#failures.size < mostRemembered) this.#failures.set(id, failures + 1)
      const retryAfterMs = Math.min(longestWaitMs, firstWaitMs * 2 ** failures)
      const { code, message, cause } = fault
      fail(run, [id], { error: new NotificationError(code, message, { cause, retryAfterMs }), concerns: 'one' })
    }
  }

  /** A few from all over, others each time. */
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

/** Those of one organization in as few questions as there can be. */
function* unitsOf<Id>(ids: readonly Id[], organizationOf: (id: Id) => string | null): Generator<Unit<Id>> {
  for (const [organizationId, members] of Map.groupBy(new Set(ids), organizationOf)) {
    const size = organizationId === null ? 1 : largestQuestion
    for (let first = 0; first < members.length; first += size) {
      yield { organizationId, ids: members.slice(first, first + size) }
    }
  }
}

function inQuestions<Id>(units: readonly Unit<Id>[]): Unit<Id>[][] {
  const questions: Unit<Id>[][] = []
  let size = largestQuestion
  for (const unit of units) {
    if (size + unit.ids.length > largestQuestion) {
      questions.push([])
      size = 0
    }
    questions.at(-1)?.push(unit)
    size += unit.ids.length
  }
  return questions
}

const idsOf = <Id>(units: readonly Unit<Id>[]): Id[] => units.flatMap(({ ids }) => ids)

/** Resolves if it is answered, and else never: what is asked in its place decides. */
const answeredBy = (first: Promise<NotificationError | null>): Promise<void> =>
  first.then((fault) => (fault === null ? undefined : new Promise(() => {})))
