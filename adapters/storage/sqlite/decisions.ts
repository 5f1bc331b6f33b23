import type { DecisionStore, EntityId } from '../../../src/index.ts'
import { decodeDecision } from '../kysely/codecs/plans.ts'
import { appendDecision } from '../kysely/commands/decisions.ts'
import type { Engine } from './engine.ts'

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
