/**
 * A provider that is away for an hour, in driven time: `npm run proof:delivery`, or `-- --small`, or one way of failing with
 * `-- --trial silent`. With a second account beside it, all goes by that within a minute, nothing twice but by an unknown outcome, and by
 * the first again when it is back. Judged by what the phones got; exits with 1 where a promise was broken. `--break lost`,
 * `--break twice` and `--break late` break one.
 */
import { parseArgs } from 'node:util'
import { breakage, prove } from '../support/proof.ts'
import { type Evidence, type Figures, figuresOf, hour, judge, outage, quarter } from './outage.ts'

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    trial: { type: 'string', multiple: true },
    break: { type: 'string' },
  },
})

const withFirst = (evidence: Evidence, change: (one: Evidence['attempts'][number]) => Evidence['attempts']) => ({
  ...evidence,
  attempts: evidence.attempts.flatMap((one, index) => (index === 0 ? change(one) : one)),
})
const spoil = breakage<Evidence>(values.break, {
  lost: (evidence) => withFirst(evidence, (one) => [{ ...one, isReceived: false }]),
  twice: (evidence) => withFirst(evidence, (one) => [one, one]),
  late: (evidence) => withFirst(evidence, (one) => [{ ...one, at: new Date(one.at.getTime() + 3_600_000) }]),
})

const moods = ['refuses', 'busy', 'drops', 'silent'] as const
const course = values.small ? quarter : hour
const figures: Record<string, Figures> = {}
await prove(
  moods
    .filter((mood) => values.trial === undefined || values.trial.includes(mood))
    .map((mood) => async () => {
      const evidence = spoil(await outage(mood, course))
      figures[mood] = figuresOf(evidence)
      const breaches = judge(evidence)
      console.log(`${breaches.length === 0 ? 'kept  ' : 'broken'} ${mood} ${JSON.stringify(figures[mood])}`)
      return breaches
    }),
)
console.table(figures)
