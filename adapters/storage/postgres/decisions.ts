import type { DecisionStore } from '../../../src/index.ts'
import { decodeDecision } from '../kysely/codecs/plans.ts'
import { appendDecision } from '../kysely/commands/decisions.ts'
import type { Engine } from './engine.ts'
import { type IdPool, runCommand } from './transaction.ts'

export const decisionStore = (engine: Engine, pool: IdPool): DecisionStore => ({
  append: (decisions) =>
    runCommand(engine, pool, {
      load: async () => {},
      run: (tx) => {
        for (const decision of decisions) appendDecision(tx, decision, decision.entries, decision.at)
      },
    }),
  list: (organizationId, appointmentId) =>
    engine.read(async ({ statements, ids }) => {
      const of = { organizationId, appointmentId: ids('appointment', appointmentId) }
      return (await statements.decisions.list.all(of)).map(decodeDecision)
    }),
})
