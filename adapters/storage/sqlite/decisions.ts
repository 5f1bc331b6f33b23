import { type DecisionStore, type EntityId, records } from '../../../src/index.ts'
import { carryOut, type Engine } from './engine.ts'

export const decisionStore = (engine: Engine): DecisionStore => ({
  append: async (decisions) => void (await carryOut(engine, records.decisions, decisions)),
  list: (organizationId: string, appointmentId: EntityId) =>
    engine.read((tx) =>
      tx.statements.decisions.list
        .all({ organizationId, appointmentId: tx.ids('appointment', appointmentId) })
        .map(records.decodeDecision),
    ),
})
