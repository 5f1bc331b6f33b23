import type { DecisionQueries } from '../../../src/index.ts'
import * as records from '../../../src/records/index.ts'
import type { Engine } from './engine.ts'

export const decisionStore = (engine: Engine): DecisionQueries => ({
  list: (organizationId, appointmentId) =>
    engine.read(async ({ statements, ids }) => {
      const of = { organizationId, appointmentId: ids('appointment', appointmentId) }
      return (await statements.decisions.list.all(of)).map(records.decodeDecision)
    }),
})
