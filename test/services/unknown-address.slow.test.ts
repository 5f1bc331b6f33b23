import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type Rule, TransportError } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { openClinic } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'
import { postgres, sqlite } from '../support/stores.ts'

const hourMs = 3_600_000
const now = '2026-03-02T12:00:00Z'
const unknown = (code: string) =>
  new TransportError('Nobody has the address.', { outcome: 'permanent', code, addressUnknown: true })

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

/** A clinic whose patient's mail server answers in turn as given; null: it takes the message. */
async function clinicWith(storage: Store, answers: readonly (TransportError | null)[]) {
  const left = [...answers]
  const outbox = capture({ fail: () => left.shift() ?? null })
  const clinic = await openClinic(now, { storage, transports: [outbox] })
  await clinic.start()
  let id = 0
  return {
    clinic,
    outbox,
    async send(outcome: Rule | 'sent', email = 'ada@example.org') {
      id += 1
      const recipients = [{ type: 'PATIENT' as const, id: 7, name: 'Ada', email, phone: null }]
      clinic.host.book({ id, startsAt: '2026-04-02T12:00:00Z', recipients })
      await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'EMAIL' })
      await clinic.settle()
      await clinic.clock.advance(1000)
      const rule = async () =>
        (await clinic.notifications.explain(id)).findLast(
          ({ action, channel }) => channel === 'EMAIL' && /failed|skipped/.test(action),
        )?.rule
      if (outcome === 'sent') await expect.poll(() => outbox.sent.length).toBe(1)
      else await expect.poll(rule).toBe(outcome)
    },
  }
}

/** Why nothing was sent. */
async function sendAnother(clinic: Awaited<ReturnType<typeof openClinic>>, id: number) {
  const recipients = [{ type: 'PATIENT' as const, id: 7, name: 'Ada', email: 'ada@example.org', phone: null }]
  clinic.host.book({ id, startsAt: '2026-04-02T12:00:00Z', recipients })
  const { omitted } = await clinic.notifications.sendAppointmentNotification(id, {
    category: 'CONFIRMATION',
    channel: 'EMAIL',
  })
  await clinic.settle()
  await clinic.clock.advance(1000)
  return omitted.map(({ rule }) => rule)
}

describe.each([
  ['SQLite', () => sqlite(':memory:')],
  [
    'PostgreSQL',
    () => postgres({ url: server.url, schema: `unknown_${process.pid}_${Math.trunc(Math.random() * 1e9)}` }),
  ],
])('an address that nobody has, on %s', (_name, open) => {
  it('is found out by bounces too, of messages that the server took at first', async () => {
    const { clinic, outbox, send } = await clinicWith(open(), [])
    const bounced = async (count: number) => {
      await expect.poll(() => outbox.sent.length).toBe(count)
      const id = outbox.sent.at(-1)?.notificationId ?? 0
      await expect.poll(async () => (await clinic.notifications.getNotification(id)).status).toBe('SENT')
      await clinic.recordReceipt(id, { outcome: 'bounced', code: 'ses_general', addressUnknown: true })
    }
    await send('sent')
    await bounced(1)
    await clinic.clock.advance(hourMs)
    await sendAnother(clinic, 2)
    await bounced(2)
    await clinic.clock.advance(24 * hourMs)
    expect(await sendAnother(clinic, 3)).toEqual([])
    await bounced(3)
    expect(await sendAnother(clinic, 4)).toContain('suppressed')
  })

  it('is sent to again the same day, and no more once the server says so on another day', async () => {
    const refusals = [unknown('smtp_5.1.1'), unknown('smtp_5.1.1'), unknown('smtp_5.1.1')]
    const { clinic, outbox, send } = await clinicWith(open(), refusals)
    await send('permanent_failure')
    await clinic.clock.advance(hourMs)
    await send('permanent_failure')
    await clinic.clock.advance(22 * hourMs)
    // In other letters it is the same address.
    await send('suppressed', 'Ada@Example.org')
    await clinic.clock.advance(hourMs)
    await send('suppressed')
    expect(outbox.sent).toEqual([])
    await send('sent', 'other@example.org')
    await clinic.stop()
  })

  it('is not silenced by a refusal of another kind the day before, or of another address', async () => {
    const policy = new TransportError('Refused.', { outcome: 'permanent', code: 'smtp_5.7.1' })
    const { clinic, send } = await clinicWith(open(), [policy, unknown('smtp_5.1.1'), unknown('smtp_5.1.1')])
    await send('permanent_failure')
    await send('permanent_failure', 'other@example.org')
    await clinic.clock.advance(24 * hourMs)
    await send('permanent_failure')
    await send('sent')
    await clinic.stop()
  })
})
