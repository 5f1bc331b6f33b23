import type { DecisionQueries, EntityId } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine } from './engine.ts'

export const decisionStore = (engine: Engine): DecisionQueries => ({
  list: (organizationId: string, appointmentId: EntityId) =>
    engine.read((tx) =>
      tx.statements.decisions.list
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(records.decodeDecision),
    ),
})
