import type { DecisionEntry, NewDecision } from '../../../../src/index.ts'
import { encodeOptionalId } from '../codecs/ids.ts'
import type { Tx } from './tx.ts'

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
