import type { Change } from '../../domain/changes.ts'
import type { Verdict } from '../../domain/due.ts'
import type { PlanRow } from '../../ports/storage.ts'
import type { RecipientRef } from '../../schemas/common.ts'
import type { Person } from '../../schemas/directory.ts'
import type { Subject } from '../messages/notices.ts'
import type { Knowledge } from '../shared/knowledge.ts'
import type { DueWork } from './work.ts'

export type Judged = {
  readonly due: DueWork
  readonly verdict: Verdict
  /** Of a reminder: the verdict if it were somebody else's. */
  readonly verdictFor?: (recipient: RecipientRef) => Verdict
  readonly subject: Subject | null
  /** Who has the same address, and gets the message by it. */
  readonly others: readonly Person[]
  /** Of a reschedule: what it says is new; undefined: nobody can say. */
  readonly changed?: readonly Change[] | undefined
}

/** One that is to be sent. */
export type Right = Judged & { readonly verdict: Extract<Verdict, { kind: 'send' }>; readonly subject: Subject }

export const isRight = (one: Judged): one is Right => one.verdict.kind === 'send' && one.subject !== null

/** What a batch of work is judged by. */
export type Around = {
  readonly knowledge: Knowledge
  readonly planOf: (due: DueWork) => PlanRow | null
  readonly now: Date
}

/** A batch of work against the truth; in the order of the work. */
export type Judgement = Around & { readonly judged: readonly Judged[] }
