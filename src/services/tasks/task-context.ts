import type { DeliveryContent, ReminderRow, TaskBody } from '../../ports/storage.ts'
import type { Callbacks } from '../callbacks.ts'
import type { Context } from '../context.ts'
import type { Judged, Judgement } from '../dispatch/judge.ts'
import { factsOf as workFacts } from '../dispatch/work.ts'
import { contentFor, renderFor } from '../notices.ts'
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

/** When it is to be sent: what is late or immediate, now. */
export const timeOf = (reminder: ReminderRow | null, now: Date): Date =>
  reminder === null || reminder.reminderTime < now ? now : reminder.reminderTime

/**
 * What is to be sent by the truth of the moment; words such as "tomorrow" are those of the time of sending. Throws where the
 * template cannot be rendered.
 */
export function bodyOf(
  { knowledge }: Judgement,
  { due, verdict, subject, others, changed }: Judged,
  scheduledAt: Date,
): SendBody | null {
  if (verdict.kind !== 'send' || subject === null) return null
  const { organizationId, channel, category } = workFacts(due)
  const organization = knowledge.organization(organizationId)
  const { policy } = knowledge.surroundings(organizationId)
  const { recipient, address } = verdict
  const message = { channel, category, subject, recipient, others, changed, organization, now: scheduledAt }
  const rendered = renderFor(message, policy)
  return { content: contentFor(channel, address, rendered), facts: factsOf(subject), scheduledAt }
}
