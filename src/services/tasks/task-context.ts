import type { DeliveryContent, TaskBody } from '../../ports/storage.ts'
import type { Callbacks } from '../callbacks.ts'
import type { Context } from '../context.ts'
import type { Around, Right } from '../dispatch/judge.ts'
import { textOf } from '../dispatch/walk.ts'
import { factsOf as workFacts } from '../dispatch/work.ts'
import { contentFor } from '../notices.ts'
import type { Planner } from '../planner.ts'
import type { TaskManagerClient } from '../task-manager-client.ts'
import { factsOf } from './draft.ts'
import type { TaskLedger } from './ledger.ts'
import type { ResolvedTaskManagerOptions } from './options.ts'
import type { Pace } from './pace.ts'

/** What the parts of the integration share. */
export type TaskContext = {
  readonly context: Context
  readonly planner: Planner
  readonly callbacks: Pick<Callbacks, 'url'>
  readonly client: TaskManagerClient
  readonly settings: ResolvedTaskManagerOptions
  readonly ledger: TaskLedger
  readonly pace: Pace
}

/** Asked before each batch. False: stop here, because of `stop()` or because another worker has the job by now. */
export type ShouldContinue = () => Promise<boolean>

export type SendBody = TaskBody & { readonly content: DeliveryContent }

/**
 * What is to be sent by the truth of the moment; words such as "tomorrow" are those of the time of sending. Null where the
 * text cannot be rendered.
 */
export function bodyOf(context: Context, one: Right, around: Around, scheduledAt: Date): SendBody | null {
  const rendered = textOf(context, one, around, scheduledAt)
  if (rendered === null) return null
  const content = contentFor(workFacts(one.due).channel, one.verdict.address, rendered)
  return { content, facts: factsOf(one.subject), scheduledAt }
}
