import type { z } from 'zod'
import type { Truth } from '../../domain/due.ts'
import { isNotificationError, type NotificationError } from '../../errors.ts'
import type { DirectoryContext } from '../../ports/directory.ts'
import { type EntityId, fieldPath } from '../../schemas/common.ts'
import { BatchQuestions } from './batch.ts'
import { DirectoryMethod, type DirectoryMethodName, type DirectoryMethodOptions } from './method.ts'
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

export type BatchReaderOptions<Id extends EntityId, Schema extends z.ZodType<{ id: Id }>, Value> = {
  readonly name: DirectoryMethodName
  readonly call: (ids: readonly Id[], context: DirectoryContext) => unknown
  readonly schema: Schema
  /** Throws a RangeError for what cannot be used. */
  readonly understand: (told: z.output<Schema>) => Value
}

/** A method of the directory that answers for many ids. Each row is parsed on its own, so that a bad one stops nobody else. */
export class BatchReader<Id extends EntityId, Schema extends z.ZodType<{ id: Id }>, Value> {
  readonly method: DirectoryMethod<readonly Id[]>
  readonly troubles: Troubles
  readonly questions: BatchQuestions<Id>
  readonly #reading: BatchReaderOptions<Id, Schema, Value>
  readonly #options: DirectoryMethodOptions

  constructor(reading: BatchReaderOptions<Id, Schema, Value>, options: DirectoryMethodOptions) {
    const { name, call } = reading
    this.#reading = reading
    this.#options = options
    this.method = new DirectoryMethod(name, call, options)
    this.troubles = new Troubles(name, options.clock, options.logger)
    this.questions = new BatchQuestions(this.method, this.troubles, options.clock)
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
        for (const row of rows) this.#read(row, some, truths)
        part?.(some, truthOf)
      },
    })
    for (const [id, why] of unanswered) truths.set(id, { kind: 'unanswered', ...why })
    const [why] = unanswered.values()
    if (why !== undefined && !evenIfNone && ids.every((id) => unanswered.has(id))) throw why.error
    return truthOf
  }

  #read(row: unknown, wanted: readonly Id[], truths: Map<EntityId, Truth<Value>>): void {
    const { schema, understand, name } = this.#reading
    const result = schema.safeParse(row)
    let fault: string
    if (result.success) {
      try {
        truths.set(result.data.id, { kind: 'known', value: understand(result.data) })
        return
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        fault = error.message
      }
    } else {
      fault = describe(result.error)
    }
    // An id of the wrong kind ("12" for 12) is a fault of the answer, not a sign that 12 is gone.
    const answered = idOf(row)
    const id = wanted.find((one) => String(one) === String(answered)) ?? answered
    this.#options.logger.error('directory answer not usable', { method: name, id, fault })
    if (id !== null) truths.set(id, { kind: 'unreadable' })
  }
}

/** True where the host did not answer, or with something that cannot be used. */
export const isDirectoryFault = (error: unknown): error is NotificationError =>
  isNotificationError(error) && (error.code === 'directory_failed' || error.code === 'directory_invalid')

/** Which fields are at fault, without their values: they are personal data. */
export const describe = (error: z.ZodError): string =>
  error.issues.map((issue) => `${fieldPath(issue.path)}: ${issue.message}`).join('; ')

function idOf(row: unknown): EntityId | null {
  if (typeof row !== 'object' || row === null || !('id' in row)) return null
  return typeof row.id === 'number' || typeof row.id === 'string' ? row.id : null
}
