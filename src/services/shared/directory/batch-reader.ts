import type { Lookup } from '../../../domain/due.ts'
import { isNotificationError, type NotificationError } from '../../../errors.ts'
import type { DirectoryContext } from '../../../ports/directory.ts'
import type { EntityId } from '../../../schemas/common.ts'
import type { RowReading } from '../../../schemas/row.ts'
import { BatchRequests } from './batch.ts'
import { DirectoryMethod, type DirectoryMethodName, type DirectoryMethodOptions, readList } from './method.ts'
import { OrganizationFaults } from './organization-faults.ts'
import { RowFindings } from './row-findings.ts'

export type Lookups<Id, Value> = (id: Id) => Lookup<Value>

/** How to read many ids at once. */
export type LookupOptions<Id, Value> = {
  /** The organization of an id, if known, so that one whose rows cannot be read does not delay the others. */
  readonly organizationOf?: (id: Id) => string | null
  /** True reads even organizations for which the directory failed a moment ago. Default false. */
  readonly eager?: boolean
  /** Called with each part of the rows as soon as it is there; usually that is all of them. */
  readonly part?: (ids: readonly Id[], lookupOf: Lookups<Id, Value>) => void
  /** True resolves even if the directory fails for all of them. Default false: it rejects. */
  readonly evenIfNone?: boolean
}

export type BatchReaderOptions<Id extends EntityId, Value extends { readonly id: Id }> = {
  readonly name: DirectoryMethodName
  readonly call: (ids: readonly Id[], context: DirectoryContext) => unknown
  readonly read: (row: unknown) => RowReading<Value>
}

/** Reads many ids with one method of the directory. Each row is parsed on its own, so that a bad one does not affect others. */
export class BatchReader<Id extends EntityId, Value extends { readonly id: Id }> {
  readonly method: DirectoryMethod<readonly Id[], readonly unknown[]>
  readonly organizationFaults: OrganizationFaults
  readonly requests: BatchRequests<Id>
  readonly findings: RowFindings
  readonly #reading: BatchReaderOptions<Id, Value>

  constructor(reading: BatchReaderOptions<Id, Value>, options: DirectoryMethodOptions) {
    const { name, call } = reading
    this.#reading = reading
    this.method = new DirectoryMethod(name, call, readList, options)
    this.organizationFaults = new OrganizationFaults(name, options.clock, options.logger)
    this.requests = new BatchRequests(this.method, this.organizationFaults, options.clock)
    this.findings = new RowFindings(name, options)
  }

  /** The row of each id, or why there is none. @throws NotificationError if the directory fails for all of them. */
  async read(ids: readonly Id[], options: LookupOptions<Id, Value> = {}): Promise<Lookups<Id, Value>> {
    const { organizationOf = () => null, eager = false, part, evenIfNone = false } = options
    const lookups = new Map<EntityId, Lookup<Value>>()
    const lookupOf = (id: Id): Lookup<Value> => lookups.get(id) ?? { kind: 'gone' }
    const unanswered = await this.requests.send({
      ids,
      organizationOf,
      eager,
      onRows: (some, rows) => {
        this.#readAll(rows, some, lookups)
        part?.(some, lookupOf)
      },
    })
    for (const [id, why] of unanswered) lookups.set(id, { kind: 'unanswered', ...why })
    const [why] = unanswered.values()
    if (why !== undefined && !evenIfNone && ids.every((id) => unanswered.has(id))) throw why.error
    return lookupOf
  }

  #readAll(rows: readonly unknown[], asked: readonly Id[], lookups: Map<EntityId, Lookup<Value>>): void {
    const byText = new Map(asked.map((id) => [String(id), id]))
    const readings: RowReading<Value>[] = []
    const nameless: RowReading<Value>[] = []
    for (const row of rows) {
      // Instead of a row: there is none.
      if (row === null || row === undefined) continue
      const reading = this.#reading.read(row)
      readings.push(reading)
      // An id of the wrong kind ("12" for 12) is a fault of the row, not a sign that 12 is gone.
      const id = reading.value?.id ?? byText.get(String(idOf(row)))
      if (id === undefined && reading.issues.some(({ field }) => field === 'id' || field === '')) nameless.push(reading)
      const organizationId = textOf(row, this.method.name === 'organizations' ? 'id' : 'organizationId')
      if (id === undefined) this.findings.note(null, organizationId, reading)
      else if (byText.get(String(id)) === id) {
        this.findings.note(id, organizationId, reading)
        lookups.set(id, lookupOf(row, reading))
      }
    }
    this.findings.noteUnknown(readings)
    const [first] = nameless
    if (first === undefined) return
    // A row without a readable id may be that of any id that is missing.
    for (const id of asked)
      if (!lookups.has(id)) lookups.set(id, { kind: 'unreadable', issues: first.issues, organizationId: null })
  }
}

function lookupOf<Value>(row: unknown, { value, issues, findings }: RowReading<Value>): Lookup<Value> {
  if (value !== null) return findings.length === 0 ? { kind: 'known', value } : { kind: 'known', value, findings }
  return { kind: 'unreadable', issues, organizationId: textOf(row, 'organizationId') }
}

/** True if the directory failed or returned something unusable. */
export const isDirectoryFault = (error: unknown): error is NotificationError =>
  isNotificationError(error) && (error.code === 'directory_failed' || error.code === 'directory_invalid')

function idOf(row: unknown): unknown {
  const id = fieldOf(row, 'id')
  return typeof id === 'number' || typeof id === 'string' || typeof id === 'bigint' ? id : ''
}

function textOf(row: unknown, field: string): string | null {
  const value = fieldOf(row, field)
  return typeof value === 'string' ? value : null
}

function fieldOf(row: unknown, field: string): unknown {
  try {
    return typeof row === 'object' && row !== null ? Reflect.get(row, field) : undefined
  } catch {
    return undefined
  }
}
