import type { Truth } from '../../../domain/due.ts'
import { isNotificationError, type NotificationError } from '../../../errors.ts'
import type { DirectoryContext } from '../../../ports/directory.ts'
import type { EntityId } from '../../../schemas/common.ts'
import type { RowReading } from '../../../schemas/row.ts'
import { BatchQuestions } from './batch.ts'
import { DirectoryMethod, type DirectoryMethodName, type DirectoryMethodOptions, readList } from './method.ts'
import { RowFindings } from './row-findings.ts'
import { Troubles } from './troubles.ts'

export type Truths<Id, Value> = (id: Id) => Truth<Value>

/** How to ask about many at once. */
export type LookUp<Id, Value> = {
  /** Whose it is, as far as it is known: an organization that is not answered for then delays no other. */
  readonly organizationOf?: (id: Id) => string | null
  /** True asks also about organizations that were not answered for a moment ago: somebody has news of them. */
  readonly eager?: boolean
  /** Called with each part that is answered as soon as it is; most of the time that is all at once. */
  readonly part?: (ids: readonly Id[], truthOf: Truths<Id, Value>) => void
  /** True resolves also where none of them is answered for. Default false: it rejects. */
  readonly evenIfNone?: boolean
}

export type BatchReaderOptions<Id extends EntityId, Value extends { readonly id: Id }> = {
  readonly name: DirectoryMethodName
  readonly call: (ids: readonly Id[], context: DirectoryContext) => unknown
  readonly read: (row: unknown) => RowReading<Value>
}

/** A method of the directory that answers for many ids. Each row is read by itself, so that a bad one stops nobody else. */
export class BatchReader<Id extends EntityId, Value extends { readonly id: Id }> {
  readonly method: DirectoryMethod<readonly Id[], readonly unknown[]>
  readonly troubles: Troubles
  readonly questions: BatchQuestions<Id>
  readonly findings: RowFindings
  readonly #reading: BatchReaderOptions<Id, Value>

  constructor(reading: BatchReaderOptions<Id, Value>, options: DirectoryMethodOptions) {
    const { name, call } = reading
    this.#reading = reading
    this.method = new DirectoryMethod(name, call, readList, options)
    this.troubles = new Troubles(name, options.clock, options.logger)
    this.questions = new BatchQuestions(this.method, this.troubles, options.clock)
    this.findings = new RowFindings(name, options)
  }

  /** What the host says of each, or why it says nothing. @throws NotificationError where none of them is answered for. */
  async ask(ids: readonly Id[], lookUp: LookUp<Id, Value> = {}): Promise<Truths<Id, Value>> {
    const { organizationOf = () => null, eager = false, part, evenIfNone = false } = lookUp
    const truths = new Map<EntityId, Truth<Value>>()
    const truthOf = (id: Id): Truth<Value> => truths.get(id) ?? { kind: 'gone' }
    const unanswered = await this.questions.ask({
      ids,
      organizationOf,
      eager,
      answered: (some, rows) => {
        this.#readAll(rows, some, truths)
        part?.(some, truthOf)
      },
    })
    for (const [id, why] of unanswered) truths.set(id, { kind: 'unanswered', ...why })
    const [why] = unanswered.values()
    if (why !== undefined && !evenIfNone && ids.every((id) => unanswered.has(id))) throw why.error
    return truthOf
  }

  #readAll(rows: readonly unknown[], asked: readonly Id[], truths: Map<EntityId, Truth<Value>>): void {
    const wanted = new Map(asked.map((id) => [String(id), id]))
    const readings: RowReading<Value>[] = []
    const nameless: RowReading<Value>[] = []
    for (const row of rows) {
      // In the place of a row: there is none.
      if (row === null || row === undefined) continue
      const reading = this.#reading.read(row)
      readings.push(reading)
      // An id of the wrong kind ("12" for 12) is a fault of the answer, not a sign that 12 is gone.
      const id = reading.value?.id ?? wanted.get(String(idOf(row)))
      if (id === undefined && reading.issues.some(({ field }) => field === 'id' || field === '')) nameless.push(reading)
      const organizationId = textOf(row, this.method.name === 'organizations' ? 'id' : 'organizationId')
      if (id === undefined) this.findings.note(null, organizationId, reading)
      else if (wanted.get(String(id)) === id) {
        this.findings.note(id, organizationId, reading)
        truths.set(id, truthOf(row, reading))
      }
    }
    this.findings.noteUnknown(readings)
    const [first] = nameless
    if (first === undefined) return
    // Whose row it is, nobody knows: it may be that of any that is missing.
    for (const id of asked)
      if (!truths.has(id)) truths.set(id, { kind: 'unreadable', issues: first.issues, organizationId: null })
  }
}

function truthOf<Value>(row: unknown, { value, issues, findings }: RowReading<Value>): Truth<Value> {
  if (value !== null) return findings.length === 0 ? { kind: 'known', value } : { kind: 'known', value, findings }
  return { kind: 'unreadable', issues, organizationId: textOf(row, 'organizationId') }
}

/** True where the host did not answer, or with something that cannot be used. */
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
