import type { Lookup } from '../../domain/due.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EntityId } from '../../schemas/common.ts'
import type { Organization } from '../../schemas/directory.ts'
import { type Known, lookupsBy, type WorkLookups } from './lookups.ts'
import type { Group } from './ready-queue.ts'
import type { DueWork } from './work.ts'

/** How long what the host says of due work is good for, in ms, as the port documents. */
export const freshMs = 1000
/** The same of names and languages of organizations, by which nothing is decided. */
const organizationFreshMs = 60_000

/** `at` by the clock's `elapsedMs`; `asked`: the moment of the question. */
type Dated<T> = { readonly value: T; readonly at: number; readonly asked: number }

/** So many reports are remembered: more than come in while a question is under way. */
const mostReports = 10_000

/** What the host said of due work a moment ago. */
export class RecentLookups {
  readonly #clock: Clock
  readonly #subjects = new Map<string, Dated<Known>>()
  readonly #organizations = new Map<string, Dated<Lookup<Organization>>>()
  readonly #reports = new Map<EntityId, number>()
  #moment = 0
  #purgedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Tells what came before from what came after. */
  moment(): number {
    this.#moment += 1
    return this.#moment
  }

  /** `asked`: the `moment` at which the host was asked. */
  learn(subject: string, known: Known, asked: number): void {
    const before = this.#subjects.get(subject)
    // A slower answer to an older question.
    if (before !== undefined && before.asked > asked) return
    const value = before === undefined ? known : { ...known, works: new Set([...before.value.works, ...known.works]) }
    this.#subjects.set(subject, { value, at: this.#clock.elapsedMs(), asked })
  }

  learnOrganization(id: string, lookup: Lookup<Organization>): void {
    this.#organizations.set(id, { value: lookup, at: this.#clock.elapsedMs(), asked: 0 })
  }

  /** The host has news of the appointment: what it was asked before is not to be used. */
  reported(appointmentId: EntityId): void {
    this.#reports.delete(appointmentId)
    this.#reports.set(appointmentId, this.moment())
    const [oldest] = this.#reports.keys()
    if (this.#reports.size > mostReports && oldest !== undefined) this.#reports.delete(oldest)
  }

  /** For how long what is known about all of the group is good yet, in ms; 0: it is to be asked about. */
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

  /** Forgets what is good for nothing any more. */
  purge(): void {
    const now = this.#clock.elapsedMs()
    if (now - this.#purgedAt < freshMs) return
    this.#purgedAt = now
    for (const [subject, known] of this.#subjects) if (this.#leftOf(known, freshMs) <= 0) this.#subjects.delete(subject)
    for (const id of this.#organizations.keys()) if (this.organizationLeftMs(id) === 0) this.#organizations.delete(id)
  }

  /** For judging work that was found to be known. */
  of(works: readonly DueWork[]): WorkLookups {
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
