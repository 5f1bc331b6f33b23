import { keys } from '../ports/rows/keys.ts'
import type { Rows } from '../ports/rows/rows.ts'
import type { IntentCommand } from '../ports/storage/intents.ts'
import { dayOf, type Tally } from './counters.ts'

/** Counters that have a limit. `hasRoom`: whether one more stays within it; `count`: there is one more. */
export type Meter = {
  hasRoom(counter: Metered, limit: number): boolean
  count(counter: Metered): void
}
type Metered = ReturnType<typeof meterOf>

/** The counter that a meter reads: `METERED` of an organization, or `ACCOUNT` of an account. */
const meterOf = (measure: 'METERED' | 'ACCOUNT', owner: string, at: Date) =>
  ({
    organization_id: owner,
    day: dayOf(at),
    measure,
    channel: '',
    category: '',
    provider: '',
    detail: '',
  }) as const

/** One a command: what a day's counter holds is read once, and written with the command's tally. */
export function createMeter(rows: Rows, at: Date, tally: Tally): Meter {
  const begun = new Map<string, number>()
  const countOf = (counter: Metered): number => {
    const { measure, organization_id: owner } = counter
    const key = `${measure} ${owner}`
    const count = begun.get(key) ?? rows.get(keys.counter, counter)?.count ?? 0
    begun.set(key, count)
    return count
  }
  return {
    hasRoom: (counter, limit) => countOf(counter) < limit,
    count(counter) {
      const { measure, organization_id: owner } = counter
      begun.set(`${measure} ${owner}`, countOf(counter) + 1)
      tally.add({ organizationId: owner }, measure, at)
    },
  }
}

type Begun = Extract<IntentCommand, { kind: 'send' | 'hand_over' }>

/** What is counted where a message is begun, and up to where: for the organization, and for the account. */
function metersOf(command: Begun, at: Date) {
  const { cap, guard } = command
  const limit = command.kind === 'send' ? command.limit : null
  return {
    cap: cap === null ? null : { counter: meterOf('METERED', guard.settings.organizationId, at), limit: cap },
    account: limit === null ? null : { counter: meterOf('ACCOUNT', limit.account, at), limit: limit.perDay },
  }
}

/** The counters of a command. */
export const countersOf = (command: Begun, at: Date): Metered[] =>
  Object.values(metersOf(command, at)).flatMap((meter) => (meter === null ? [] : [meter.counter]))

/** Counts a message that is begun; or why it is not, and then counts nothing. An organization's cap counts first attempts only. */
export function countBegun(meter: Meter, command: Begun, at: Date, isFirst: boolean): 'limited' | 'capped' | null {
  const { cap, account } = metersOf(command, at)
  if (account !== null && !meter.hasRoom(account.counter, account.limit)) return 'limited'
  if (cap !== null && isFirst) {
    if (!meter.hasRoom(cap.counter, cap.limit)) return 'capped'
    meter.count(cap.counter)
  }
  if (account !== null) meter.count(account.counter)
  return null
}
