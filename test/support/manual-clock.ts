import { DrivenClock } from '../../adapters/testing/kit/driven-clock.ts'

export { DrivenClock as ManualClock, turns } from '../../adapters/testing/kit/driven-clock.ts'

/** The clock of a machine: time that the test moves too, and nobody claims that it is everybody's, or right. */
export class MachineClock extends DrivenClock {
  override readonly isDriven = false
}
