import { appointmentOf } from '../crash/host-table.ts'
import type { Trial } from './trial.ts'

export type Verdict = { readonly violations: readonly string[]; readonly summary: Readonly<Record<string, unknown>> }

/** Holds what the receiving side wrote down against what the rows say. */
export function judge(trial: Trial): Verdict {
  const { evidence, mails, counts, cancels, plan, planning } = trial
  const violations = [...trial.faults]
  const mailsOf = Map.groupBy(mails, ({ to }) => appointmentOf(to))
  const deliveryOf = new Map(evidence.deliveries.map((row) => [row.reminderId, row]))
  const seen = { SENT: 0, CANCELLED: 0, unknown: 0, sentDespiteCancel: 0, byLibrary: 0, resentByKilledService: 0 }
  const remindersOf = Map.groupBy(evidence.reminders, ({ appointmentId }) => appointmentId)
  for (const appointmentId of trial.dueOf.keys()) {
    const arrived = mailsOf.get(appointmentId) ?? []
    const messages = new Set(arrived.map(({ messageId }) => messageId))
    const [reminder, ...more] = remindersOf.get(appointmentId) ?? []
    const told = (what: string) => void violations.push(`appointment ${appointmentId}: ${what}`)
    if (reminder === undefined || more.length > 0) {
      told(`${more.length + (reminder === undefined ? 0 : 1)} reminders`)
      continue
    }
    const delivery = deliveryOf.get(reminder.id)
    seen.resentByKilledService += arrived.length - messages.size
    if (messages.size > 1) told(`sent ${messages.size} times: ${[...messages].join(', ')}`)
    if (reminder.status === 'SENT') {
      seen.SENT += 1
      if (delivery?.provider !== 'task_manager') seen.byLibrary += 1
      if (arrived.length === 0) told('said to be sent, and never arrived')
      if (delivery?.messageId === 'forged') told('settled by a forged call')
    } else if (reminder.status === 'CANCELLED') {
      seen.CANCELLED += 1
      if (!cancels.some((cancel) => cancel.appointmentId === appointmentId)) told(`cancelled: ${reminder.reason}`)
      if (delivery?.state === 'cancelled') {
        const late = arrived.filter(({ at }) => at.getTime() > delivery.updatedAt)
        if (late.length > 0) told('sent after TaskManager acknowledged the cancellation')
        else if (arrived.length > 0) told('sent before it was cancelled, and not told so')
      }
      if (delivery?.state === 'settled' && arrived.length > 0) seen.sentDespiteCancel += 1
    } else if (reminder.status === 'FAILED' && delivery?.state === 'unknown') {
      seen.unknown += 1
      if (delivery.error === null) told('held without a reason')
    } else {
      told(`${reminder.status}, ${delivery?.state}: ${reminder.error ?? ''}`)
    }
  }
  if (Object.keys(counts.storm.forged).some((status) => status.startsWith('2')))
    violations.push('a forged call was taken')
  if (trial.restedAfterMs === null) violations.push(`not at rest ${plan.restMs} ms after the last was due`)
  return {
    violations,
    summary: {
      seed: plan.seed,
      reminders: plan.reminders,
      ...seen,
      cancelledAt: cancels.length,
      requests: counts.requests,
      faults: { errors: counts.errors, hangs: counts.hangs, drops: counts.drops, lostTasks: counts.lostTasks },
      storm: counts.storm,
      rules: evidence.rules,
      planning,
      restedAfterMs: trial.restedAfterMs,
      tasksLeft: evidence.tasksLeft,
    },
  }
}
