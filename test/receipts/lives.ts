import type { ReportedState } from '../../src/index.ts'

/** A report of a provider on one message. */
export type Report = { readonly message: number; readonly state: ReportedState; readonly at: number }
/** What happens to a message, in order: the answer to its send, or a report. */
export type Step = Report | { readonly message: number; readonly state: 'answer' }

/** Of some lives the outcome depends on a report that comes late, or is left out by the provider. */
const lives: readonly (readonly ReportedState[])[] = [
  ['SENT', 'DELIVERED'],
  ['SENT', 'DELIVERED', 'READ'],
  ['READ'],
  ['SENT', 'FAILED'],
  ['SENT', 'FAILED', 'DELIVERED'],
  ['DELIVERED', 'BOUNCED'],
  ['SENT', 'DELIVERED', 'READ', 'COMPLAINED'],
  ['SENT', 'BOUNCED', 'COMPLAINED'],
  ['SENT'],
]

/** Numbers below `count`, the same for the same seed. */
export function randomFrom(seed: number): (count: number) => number {
  let state = seed
  return (count) => {
    state = (state * 48_271) % 2_147_483_647
    return state % count
  }
}

/** Lives of messages, with this many reports together or a few more; the time of each in ms after the send. */
export function livesOf(reports: number, below: (count: number) => number): Report[][] {
  const made: Report[][] = []
  for (let count = 0; count < reports; ) {
    const states = lives[below(lives.length)] ?? []
    const message = made.length
    const times = states.map(() => 1000 + below(60_000)).sort((one, other) => one - other)
    made.push(states.map((state, place) => ({ message, state, at: (times[place] ?? 0) + place })))
    count += states.length
  }
  return made
}

export const inOrder = (made: readonly (readonly Report[])[]): Step[] =>
  made.flatMap((reports, message): Step[] => [{ message, state: 'answer' }, ...reports])

/** Every report twice, all of it shuffled: half of the reports come before the answer to the send. */
export function stormOf(made: readonly (readonly Report[])[], below: (count: number) => number): Step[] {
  const steps: Step[] = made.flatMap((reports, message): Step[] => [
    { message, state: 'answer' },
    ...reports,
    ...reports,
  ])
  for (let left = steps.length - 1; left > 0; left -= 1) {
    const other = below(left + 1)
    const [one, two] = [steps[left], steps[other]]
    if (one === undefined || two === undefined) continue
    steps[left] = two
    steps[other] = one
  }
  return steps
}
