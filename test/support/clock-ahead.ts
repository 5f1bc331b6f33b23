import type { Clock } from '../../src/index.ts'
import { nodeClock } from '../../src/ports/clock.ts'

/** The system's time, some way on, whatever a database thinks: what is due then is planned now, however long that takes. */
export const clockAhead = (aheadMs: () => number): Clock => ({
  ...nodeClock(() => Date.now() + aheadMs()),
  isDriven: true,
})
