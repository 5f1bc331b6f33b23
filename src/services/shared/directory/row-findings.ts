import { type FieldIssue, issuesInWords, NotificationError } from '../../../errors.ts'
import type { DirectoryFinding } from '../../../events.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Logger } from '../../../ports/logger.ts'
import type { EntityId } from '../../../schemas/common.ts'
import type { RowReading } from '../../../schemas/row.ts'
import type { DirectoryMethodName } from './method.ts'

/** Findings in the rows that a method returned in the last hour. */
export type RowStatus = {
  /** Unusable rows: how many, the first of their ids, and what is wrong with the first; null: there is none. */
  readonly unreadable: { readonly count: number; readonly ids: readonly EntityId[]; readonly fault: string | null }
  /** Ignored fields, in how many rows, and the id of one of them. */
  readonly ignored: readonly (FieldIssue & { readonly count: number; readonly id: EntityId })[]
}

/** How long a finding is kept after it was last seen, in ms. */
const rememberedForMs = 60 * 60_000
const maxRemembered = 10_000
const maxUnknown = 1000
const maxShown = 10

type Seen = {
  readonly finding: DirectoryFinding
  /** The organization of the row; null if it cannot be read. */
  readonly organizationId: string | null
  readonly words: string
  readonly until: number
}

/** Reports each fault of a row once, however often the row is read, and shows it for as long as it lasts. */
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

  /** Notes the findings of a row. `id` or `organizationId` null: it cannot be read. */
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

  /** Logs unknown fields, each once in the life of this process. */
  noteUnknown(readings: readonly RowReading<unknown>[]): void {
    const fresh = new Map<string, string>()
    for (const { field, message } of readings.flatMap(({ unknown }) => unknown)) {
      if (this.#unknown.has(field) || this.#unknown.size >= maxUnknown) continue
      this.#unknown.add(field)
      fresh.set(field, `${field} ${message}`)
    }
    if (fresh.size === 0) return
    const fault = [...fresh.values()].join('; ')
    this.#logger.warn('directory rows have unknown fields, which are ignored', { method: this.#method, fault })
  }

  /** The current findings; if `only` is given, those in rows of this organization. */
  status(only: string | null = null): RowStatus {
    const now = this.#clock.elapsedMs()
    const unreadable: EntityId[] = []
    let fault: string | null = null
    const ignored = new Map<string, FieldIssue & { count: number; id: EntityId }>()
    for (const [id, { finding, organizationId, until }] of this.#seen) {
      if (until <= now) this.#seen.delete(id)
      else if (only !== null && organizationId !== only) continue
      else if (!finding.usable) {
        unreadable.push(id)
        fault ??= issuesInWords(kindsOf(finding.issues))
      } else {
        for (const issue of kindsOf(finding.issues)) {
          const key = issuesInWords([issue])
          const one = ignored.get(key) ?? { ...issue, count: 0, id }
          ignored.set(key, { ...one, count: one.count + 1 })
        }
      }
    }
    return {
      unreadable: { count: unreadable.length, ids: unreadable.slice(0, maxShown), fault },
      ignored: [...ignored.values()].sort((one, other) => other.count - one.count).slice(0, maxShown),
    }
  }

  #remember(id: EntityId, seen: Seen): void {
    this.#seen.delete(id)
    this.#seen.set(id, seen)
    const [oldest] = this.#seen.keys()
    if (this.#seen.size > maxRemembered && oldest !== undefined) this.#seen.delete(oldest)
  }
}

/** The issues without duplicates: `recipients[3].email` and `recipients[4].email` are one kind of fault. */
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
