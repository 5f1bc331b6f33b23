/**
 * A provider that is away for an hour, in driven time: `npm run proof:delivery`, or `-- --small`, or one way of failing with
 * `-- --trial silent`. With a second account beside it, all goes by that within a minute, nothing twice but by an unknown outcome, and by
 * the first again when it is back; and texts that fail for good reach their people by mail before the start (`--trial mail`). Judged by
 * what the phones got; exits with 1 where a promise was broken. `--break lost`, `--break twice`, `--break late` and `--break unreached`
 * break one.
 */
import { parseArgs } from 'node:util'
import { breakage, prove } from '../support/proof.ts'
import { judgeReached, type Reached, textsThatFail } from './mail.ts'
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
const ofMail = values.break === 'unreached'
const spoil = breakage<Evidence>(ofMail ? undefined : values.break, {
  lost: (evidence) => withFirst(evidence, (one) => [{ ...one, isReceived: false }]),
  twice: (evidence) => withFirst(evidence, (one) => [one, one]),
  late: (evidence) => withFirst(evidence, (one) => [{ ...one, at: new Date(one.at.getTime() + 3_600_000) }]),
})

const spoilMail = breakage<Reached>(ofMail ? 'unreached' : undefined, {
  unreached: (reached) => ({
    ...reached,
    got: new Map([...reached.got].map(([id, got], at) => [id, at === 2 ? [] : got])),
  }),
})

async function mail(): Promise<readonly string[]> {
  const reached = spoilMail(await textsThatFail(values.small ? 60 : 1000))
  const breaches = judgeReached(reached)
  const facts = { people: reached.people, dead: reached.dead.size }
  console.log(`${breaches.length === 0 ? 'kept  ' : 'broken'} mail ${JSON.stringify(facts)}`)
  return breaches
}

const moods = ['refuses', 'busy', 'drops', 'silent'] as const
const course = values.small ? quarter : hour
const figures: Record<string, Figures> = {}
const isChosen = (name: string) => values.trial === undefined || values.trial.includes(name)
await prove([
  ...moods.filter(isChosen).map((mood) => async () => {
    const evidence = spoil(await outage(mood, course))
    figures[mood] = figuresOf(evidence)
    const breaches = judge(evidence)
    console.log(`${breaches.length === 0 ? 'kept  ' : 'broken'} ${mood} ${JSON.stringify(figures[mood])}`)
    return breaches
  }),
  ...(isChosen('mail') ? [mail] : []),
])
console.table(figures)
