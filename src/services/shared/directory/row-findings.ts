import { type FieldIssue, issuesInWords, NotificationError } from '../../../errors.ts'
import type { DirectoryFinding } from '../../../events.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { EntityId } from '../../../schemas/common.ts'
import type { RowReading } from '../../../schemas/row.ts'
import type { DirectoryMethodName } from './method.ts'

/** What was found of the rows that a method answered lately. */
export type RowStatus = {
  /** Rows that cannot be used: how many, and the first of their ids. */
  readonly unreadable: { readonly count: number; readonly ids: readonly EntityId[] }
  /** Fields that are not used, in how many rows, and the id of one of them. */
  readonly ignored: readonly (FieldIssue & { readonly count: number; readonly id: EntityId })[]
}

/** What was not found again for so long is no longer known to be so, in ms. */
const rememberedForMs = 60 * 60_000
const mostRemembered = 10_000
const mostUnknown = 1000
const mostShown = 10

type Seen = {
  readonly finding: DirectoryFinding
  /** Whose row it is; null: that cannot be read. */
  readonly organizationId: string | null
  readonly words: string
  readonly until: number
}

/** Whether a row is read for the first time or the thousandth: each thing that is wrong with it is reported once, and shown as long as it is so. */
export class RowFindings {
  readonly #method: DirectoryMethodName
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #found: (finding: DirectoryFinding) => void
  readonly #seen = new Map<EntityId, Seen>()
  readonly #unknown = new Set<string>()

  constructor(
    method: DirectoryMethodName,
    { clock, logger, found }: { clock: Clock; logger: Logger; found: (finding: DirectoryFinding) => void },
  ) {
    this.#method = method
    this.#clock = clock
    this.#logger = logger
    this.#found = found
  }

  /** Notes what was found of a row. `id` null: it has none that can be read; `organizationId` null: nobody can say whose it is. */
  note(id: EntityId | null, organizationId: string | null, reading: RowReading<unknown>): void {
    const usable = reading.value !== null
    const issues = (usable ? reading.findings : reading.issues).map(({ field, message }) => ({ field, message }))
    if (issues.length === 0) {
      if (id !== null) this.#seen.delete(id)
      return
    }
    const words = issuesInWords(issues)
    const fault = issuesInWords(kindsOf(issues))
    const about = { method: this.#method, organizationId, id, fault }
    if (usable) this.#logger.warn('directory row has invalid fields, which are ignored', about)
    else this.#logger.error('directory row is invalid', about)
    const now = this.#clock.elapsedMs()
    const before = id === null ? undefined : this.#seen.get(id)
    const isKnown = before !== undefined && before.words === words && before.finding.usable === usable
    const at = isKnown && before.until > now ? before.finding.at : this.#clock.now()
    const finding: DirectoryFinding = { method: this.#method, id, at, usable, issues }
    if (id !== null) this.#remember(id, { finding, organizationId, words, until: now + rememberedForMs })
    if (!isKnown || before.until <= now) this.#found(finding)
  }

  /** Names fields that are not known, each once in the life of this process. */
  noteUnknown(readings: readonly RowReading<unknown>[]): void {
    const fresh = new Map<string, string>()
    for (const { field, message } of readings.flatMap(({ unknown }) => unknown)) {
      if (this.#unknown.has(field) || this.#unknown.size >= mostUnknown) continue
      this.#unknown.add(field)
      fresh.set(field, `${field} ${message}`)
    }
    if (fresh.size === 0) return
    const fault = [...fresh.values()].join('; ')
    this.#logger.warn('directory rows have unknown fields, which are ignored', { method: this.#method, fault })
  }

  /** What is known by now; of one organization's rows alone, where one is given. */
  status(only: string | null = null): RowStatus {
    const now = this.#clock.elapsedMs()
    const unreadable: EntityId[] = []
    const ignored = new Map<string, FieldIssue & { count: number; id: EntityId }>()
    for (const [id, { finding, organizationId, until }] of this.#seen) {
      if (until <= now) this.#seen.delete(id)
      else if (only !== null && organizationId !== only) continue
      else if (!finding.usable) unreadable.push(id)
      else {
        for (const issue of kindsOf(finding.issues)) {
          const key = issuesInWords([issue])
          const one = ignored.get(key) ?? { ...issue, count: 0, id }
          ignored.set(key, { ...one, count: one.count + 1 })
        }
      }
    }
    return {
      unreadable: { count: unreadable.length, ids: unreadable.slice(0, mostShown) },
      ignored: [...ignored.values()].sort((one, other) => other.count - one.count).slice(0, mostShown),
    }
  }

  #remember(id: EntityId, seen: Seen): void {
    this.#seen.delete(id)
    this.#seen.set(id, seen)
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > mostRemembered && oldest !== undefined) this.#seen.delete(oldest)
  }
}

/** `recipients[3].email` and `recipients[4].email` are one kind of fault; each once. */
function kindsOf(issues: readonly FieldIssue[]): FieldIssue[] {
  const kinds = issues.map(({ field, message }) => ({ field: field.replace(/\[\d+\]/g, '[]'), message }))
  return [...new Map(kinds.map((issue) => [issuesInWords([issue]), issue])).values()]
}

/** The error for a row that is needed and cannot be used. `kind`: `appointment`. */
export const rowInvalid = (kind: string, id: EntityId, issues: readonly FieldIssue[]): NotificationError =>
  new NotificationError(
    'directory_invalid',
    `Your directory returned an invalid ${kind} (id ${id}): ${issuesInWords(issues)}.`,
    { issues },
  )
