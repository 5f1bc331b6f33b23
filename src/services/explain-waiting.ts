import type { EntityId } from '../schemas/common.ts'
import { ruleTable } from '../schemas/vocabulary.ts'
import type { Context } from './context.ts'
import type { ExplanationLine } from './explanation.ts'
import { withTimeout } from './with-timeout.ts'

/** What was due before is waiting for something; what is due now may be on its way, in ms. */
const lateMs = 2000
/** How long the directory is waited for where nothing is known of it, in ms. */
const patienceMs = 2000

type Waiting = Pick<ExplanationLine, 'category' | 'recipient' | 'channel' | 'reminderId' | 'notificationId' | 'offset'>

/**
 * Why messages of an appointment that are due have not been sent: nothing is written while an outside service does not
 * answer, so it is said when somebody asks. Empty where it answers.
 */
export async function explainWaiting(
  context: Context,
  organizationId: string,
  appointmentId: EntityId,
): Promise<ExplanationLine[]> {
  const { clock } = context.options
  const waiting = await overdue(context, organizationId, appointmentId)
  if (waiting.length === 0) return []
  const why = await reasonOf(context, organizationId, appointmentId)
  if (why === null) return []
  return waiting.map((one) => ({ ...one, at: clock.now(), action: 'deferred', ...why }))
}

async function overdue(
  { options }: Context,
  organizationId: string,
  appointmentId: EntityId,
): Promise<readonly Waiting[]> {
  const { storage, clock } = options
  const since = new Date(clock.now().getTime() - lateMs)
  const [reminders, deliveries] = await Promise.all([
    storage.reminders.list(organizationId, appointmentId),
    storage.deliveries.list({ organizationId, appointmentId, state: 'queued', limit: 100, offset: 0 }),
  ])
  const late = (dueAt: Date | null) => dueAt !== null && dueAt <= since
  return [
    ...reminders
      .filter(({ status, dueAt }) => status === 'PENDING' && late(dueAt))
      .map(({ id: reminderId, recipient, channel, offset }): Waiting => {
        return { category: 'REMINDER', recipient, channel, offset, reminderId }
      }),
    ...deliveries.rows
      .filter(({ dueAt }) => late(dueAt))
      .map(({ id: notificationId, category, recipient, channel }): Waiting => {
        return { category, recipient, channel, notificationId }
      }),
  ]
}

/** What this process knows is wrong; else what the directory answers now. */
async function reasonOf(
  { host, options, taskManagerFault }: Context,
  organizationId: string,
  appointmentId: EntityId,
): Promise<Pick<ExplanationLine, 'rule' | 'because'> | null> {
  const known = host.faultFor(organizationId)
  if (known !== null) return silent(`"${known.method}": ${known.fault}, since ${known.since.toISOString()}`)
  const taskManager = taskManagerFault()
  if (taskManager !== null) return { rule: null, because: `TaskManager does not answer: ${taskManager}` }
  const asked = host.appointments([appointmentId], {
    organizationOf: () => organizationId,
    eager: true,
    evenIfNone: true,
  })
  const answer = await withTimeout(options.clock, patienceMs, asked, () => null)
  if (answer === null) return silent(`no answer within ${patienceMs} ms`)
  const truth = answer(appointmentId)
  return truth.kind === 'unanswered' ? silent(truth.error.message) : null
}

const silent = (fault: string) =>
  ({ rule: 'directory_failed', because: `${ruleTable.directory_failed}: ${fault}` }) as const
