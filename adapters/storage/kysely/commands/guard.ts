import type { IntentGuard } from '../../../../src/index.ts'
import type { Tx } from './tx.ts'

/** Says whether what was decided on still stands. */
export type GuardCheck = (guard: IntentGuard) => boolean

/**
 * One check a command: intents write no plan, settings or preferences, and what writes plans names none in its guards, so
 * within the command a revision read once stays true, and a batch of one organization asks for its settings once.
 */
export function guardCheck(tx: Tx): GuardCheck {
  const settings = new Map<string, number>()
  const plans = new Map<string, number>()
  const settingsRevision = (organizationId: string): number => {
    let revision = settings.get(organizationId)
    if (revision === undefined) {
      revision = tx.statements.settings.revision.get({ organizationId })?.revision ?? 0
      settings.set(organizationId, revision)
    }
    return revision
  }
  const planRevision = ({ organizationId, appointmentId }: NonNullable<IntentGuard['plan']>): number => {
    const key = `${organizationId} ${appointmentId}`
    let revision = plans.get(key)
    if (revision === undefined) {
      const plan = { organizationId, appointmentId: tx.ids('appointment', appointmentId) }
      revision = tx.statements.plans.revision.get(plan)?.revision ?? 0
      plans.set(key, revision)
    }
    return revision
  }
  const preferencesRevision = ({ recipient }: IntentGuard['preferences'][number]): number => {
    if (recipient.type === 'PRACTITIONER') return 0
    const recipientId = tx.ids('recipient', recipient.id)
    return tx.statements.preferences[recipient.type].revision.get({ recipientId })?.revision ?? 0
  }
  return (guard) =>
    settingsRevision(guard.settings.organizationId) === guard.settings.revision &&
    (guard.plan === null || planRevision(guard.plan) === guard.plan.revision) &&
    guard.preferences.every((one) => preferencesRevision(one) === one.revision)
}
