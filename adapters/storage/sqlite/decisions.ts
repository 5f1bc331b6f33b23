import type { DecisionEntry, DecisionStore, EntityId, NewDecision } from '../../../src/index.ts'
import { encodeOptionalId } from '../kysely/codecs/ids.ts'
import { decodeDecision } from '../kysely/codecs/plans.ts'
import type { Engine, Tx } from './engine.ts'

type About = Pick<NewDecision, 'organizationId' | 'appointmentId' | 'waitlistEntryId'>

/** One row a command and appointment; a command without entries decided nothing that needs telling. */
export function appendDecision(tx: Tx, about: About, entries: readonly DecisionEntry[], at: Date): void {
  if (entries.length === 0) return
  tx.statements.decisions.insert.run({
    organization_id: about.organizationId,
    appointment_id: encodeOptionalId(tx.ids, 'appointment', about.appointmentId),
    waitlist_entry_id: encodeOptionalId(tx.ids, 'waitlistEntry', about.waitlistEntryId),
    at: at.getTime(),
    entries: JSON.stringify(entries),
  })
}

export const decisionStore = (engine: Engine): DecisionStore => ({
  append: (decisions) =>
    engine.write((tx) => {
      for (const decision of decisions) appendDecision(tx, decision, decision.entries, decision.at)
    }),
  list: (organizationId: string, appointmentId: EntityId) =>
    engine.read((tx) =>
      tx.statements.decisions.list
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(decodeDecision),
    ),
})
