import type { EntityId, IntentGuard } from '../../../src/index.ts'
import type { Session } from './engine.ts'
import type { AdvisoryLock } from './locks.ts'

/** Whose settings and preferences guards name. */
export type GuardedKeys = {
  readonly organizations: readonly string[]
  readonly PATIENT: readonly EntityId[]
  readonly CLIENT: readonly EntityId[]
}

/**
 * What these guards rest on, so that it still stands at the commit: keys of the rows to lock, which are there; and where
 * a revision is 0, the lock of the row that is not there.
 */
export function guardReads(
  guards: readonly Pick<IntentGuard, 'settings' | 'preferences'>[],
  { ids, isHosts }: Pick<Session, 'ids' | 'isHosts'>,
): { readonly locks: readonly AdvisoryLock[]; readonly keys: GuardedKeys } {
  const locks: AdvisoryLock[] = []
  const organizations = new Set<string>()
  const recipients = { PATIENT: new Set<EntityId>(), CLIENT: new Set<EntityId>() }
  for (const { settings, preferences } of guards) {
    const { organizationId } = settings
    if (settings.revision === 0 && !organizations.has(organizationId)) {
      locks.push({ kind: isHosts ? 'settings of' : 'settings', identity: [organizationId], shared: true })
    }
    organizations.add(organizationId)
    for (const { recipient, revision } of preferences) {
      if (recipient.type === 'PRACTITIONER') continue
      const id = ids('recipient', recipient.id)
      recipients[recipient.type].add(id)
      if (revision > 0) continue
      locks.push({ kind: isHosts ? 'preferences of' : 'preferences', identity: [recipient.type, id], shared: true })
    }
  }
  const keys = { organizations: [...organizations], PATIENT: [...recipients.PATIENT], CLIENT: [...recipients.CLIENT] }
  return { locks, keys }
}
