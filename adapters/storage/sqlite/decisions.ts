import { type DecisionQueries, type EntityId, records } from '../../../src/index.ts'
import type { Engine } from './engine.ts'

export const decisionStore = (engine: Engine): DecisionQueries => ({
  list: (organizationId: string, appointmentId: EntityId) =>
    engine.read((tx) =>
      tx.statements.decisions.list
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(records.decodeDecision),
    ),
})
