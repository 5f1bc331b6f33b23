import { type DecisionStore, records } from '../../../src/index.ts'
import type { Carrier } from './commands.ts'
import type { Engine } from './engine.ts'

export const decisionStore = (engine: Engine, carrier: Carrier): DecisionStore => ({
  append: async (decisions) => void (await carrier.all(records.decisions, decisions)),
  list: (organizationId, appointmentId) =>
    engine.read(async ({ statements, ids }) => {
      const of = { organizationId, appointmentId: ids('appointment', appointmentId) }
      return (await statements.decisions.list.all(of)).map(records.decodeDecision)
    }),
})
