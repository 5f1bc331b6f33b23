/** Mail servers that refuse for hours, in driven time, and a directory that fails for one organization. */
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { createNotifications, silentLogger, TransportError } from '../../src/index.ts'
import { HostData } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { check, type Verdict } from './world.ts'

const hourMs = 3_600_000
const answers = {
  451: () => new TransportError('Not now.', { outcome: 'transient', code: 'smtp_451' }),
  421: () => new TransportError('Go away.', { outcome: 'transient', code: 'smtp_421', scope: 'account' }),
  535: () => new TransportError('Wrong password.', { outcome: 'permanent', code: 'smtp_535', scope: 'account' }),
} as const

/** Reminders of 24 hours fall due while the server refuses; each appointment is a day away. */
export async function outage(answer: keyof typeof answers, outageMs: number, reminders: number): Promise<Verdict> {
  const name = `mail server answers ${answer} for ${outageMs / 60_000} min`
  const clock = new ManualClock('2031-03-10T12:00:00Z')
  const host = new HostData()
  const until = clock.now().getTime() + 60_000 + outageMs
  let tried = 0
  const outbox = capture({
    clock,
    fail: () => {
      tried += 1
      return clock.now().getTime() < until ? answers[answer]() : null
    },
  })
  const library = createNotifications({
    storage: sqlite(':memory:'),
    transports: [{ ...outbox, concurrency: 10 }],
    directory: host,
    env: {},
    clock,
    logger: silentLogger,
    reconcileMs: false,
    sweepMs: 300_000,
  })
  await library.migrate()
  for (let id = 1; id <= reminders; id += 1) {
    const startsAt = new Date(clock.now().getTime() + 24 * hourMs + 60_000 + id * 100)
    host.book({ id, startsAt, recipients: [{ type: 'PATIENT', id, email: `p${id}@example.org` }] })
    await library.notifications.scheduleReminders(id, { customReminders: [24] })
  }
  await library.start()
  await clock.advance(60_000 + outageMs)
  const triedMeanwhile = tried
  // A message that was refused for itself waits at most a quarter of an hour; what waits for an account goes within a minute.
  await clock.advance(answer === 451 ? 15 * 60_000 : 61_000)
  await library.stop()
  const sent = new Set(outbox.sent.map(({ to }) => to)).size
  const perMinute = Math.round((triedMeanwhile / (outageMs / 60_000)) * 10) / 10
  return {
    name,
    expected: reminders,
    facts: { sent, twice: outbox.sent.length - sent, triedPerMinute: perMinute },
    breaches: [
      ...check(outbox.sent.length === sent, `${name}: ${outbox.sent.length - sent} sent twice`),
      ...check(answer === 451 || perMinute < 5, `${name}: tried ${perMinute} times a minute`),
    ],
  }
}
