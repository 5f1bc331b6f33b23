import type { Lookup } from '../../domain/due.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import { lookupsBy, type SubjectLookup, type WorkLookups } from './lookups.ts'
import type { Group } from './ready-queue.ts'
import type { DueWork } from './work.ts'

/** How long lookups of due work are used, in ms, as documented by the port `Directory`. */
export const freshMs = 1000
/** The same for names and languages of organizations, which decide nothing. */
const organizationFreshMs = 60_000

/** `at`: when it arrived, by the clock's `elapsedMs`; `asked`: the `moment` of the call. */
type Dated<T> = { readonly value: T; readonly at: number; readonly asked: number }

/** How many reports are remembered: more than arrive during one call. */
const maxReports = 10_000

/** Lookups of due work from the last second, so that it can be checked without calling the directory again. */
export class RecentLookups {
  readonly #clock: Clock
  readonly #subjects = new Map<string, Dated<SubjectLookup>>()
  readonly #organizations = new Map<string, Dated<Lookup<Organization>>>()
  readonly #reports = new Map<EntityId, number>()
  #moment = 0
  #purgedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A counter that orders calls and reports. */
  moment(): number {
    this.#moment += 1
    return this.#moment
  }

  /** `asked`: the `moment` of the call. */
  add(subject: string, known: SubjectLookup, asked: number): void {
    const before = this.#subjects.get(subject)
    // An older call whose result arrived later.
    if (before !== undefined && before.asked > asked) return
    const value = before === undefined ? known : { ...known, works: new Set([...before.value.works, ...known.works]) }
    this.#subjects.set(subject, { value, at: this.#clock.elapsedMs(), asked })
  }

  addOrganization(id: string, lookup: Lookup<Organization>): void {
    this.#organizations.set(id, { value: lookup, at: this.#clock.elapsedMs(), asked: 0 })
  }

  /** The host reported an event of the appointment: older lookups of it are not used. */
  reported(appointmentId: EntityId): void {
    this.#reports.delete(appointmentId)
    this.#reports.set(appointmentId, this.moment())
    const [oldest] = this.#reports.keys()
    if (this.#reports.size > maxReports && oldest !== undefined) this.#reports.delete(oldest)
  }

  /** How long the lookups of the whole group can still be used, in ms; 0: look it up. */
  leftMs({ subject, organizationId, workKeys }: Group): number {
    const known = this.#subjects.get(subject)
    if (known === undefined) return 0
    const { appointmentId, works } = known.value
    for (const key of workKeys) if (!works.has(key)) return 0
    if (appointmentId !== null && (this.#reports.get(appointmentId) ?? 0) > known.asked) return 0
    return Math.max(0, Math.min(this.#leftOf(known, freshMs), this.organizationLeftMs(organizationId)))
  }

  organizationLeftMs(id: string): number {
    const known = this.#organizations.get(id)
    return known === undefined ? 0 : Math.max(0, this.#leftOf(known, organizationFreshMs))
  }

  forget(subject: string): void {
    this.#subjects.delete(subject)
  }

  /** Removes what is too old. */
  purge(): void {
    const now = this.#clock.elapsedMs()
    if (now - this.#purgedAt < freshMs) return
    this.#purgedAt = now
    for (const [subject, known] of this.#subjects) if (this.#leftOf(known, freshMs) <= 0) this.#subjects.delete(subject)
    for (const id of this.#organizations.keys()) if (this.organizationLeftMs(id) === 0) this.#organizations.delete(id)
  }

  /** What due work is checked by, if `leftMs` found lookups of it. */
  lookupsOf(works: readonly DueWork[]): WorkLookups {
    return lookupsBy(
      works,
      (subject) => this.#subjects.get(subject)?.value,
      (id) => this.#organizations.get(id)?.value ?? { kind: 'gone' },
    )
  }

  #leftOf({ at }: Dated<unknown>, forMs: number): number {
    return forMs - (this.#clock.elapsedMs() - at)
  }
}
