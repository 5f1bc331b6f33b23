import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { type Transport, TransportError } from '../../src/index.ts'
import type { Store } from '../../src/records/store.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

async function temporaryPath(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'one-message-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'rows.sqlite')
}

it.each([0, 1, 2])('two workers send one message, after %i failures', async (failed) => {
  const path = await temporaryPath()
  let failures = failed
  const busy = new TransportError('Busy.', { outcome: 'transient', code: 'busy' })
  const fail = () => (failures-- > 0 ? busy : null)
  const [one, other] = [
    { ...capture({ fail }), concurrency: 1 },
    { ...capture({ fail }), concurrency: 1 },
  ]
  await using clinic = await openClinic('2026-03-18T12:00:00Z', { storage: sqlite(path), transports: [one] })
  await using rival = await openClinic('2026-03-18T12:00:00Z', {
    storage: sqlite(path),
    transports: [other],
    clock: clinic.clock,
    directory: clinic.host,
  })
  await clinic.settings.createOrganizationSettings(organizationId, {
    oneMessagePerDay: true,
    quietHours: [],
    dailyBudget: 1,
  })
  for (let id = 1; id < 9; id += 1) {
    const startsAt = `2026-03-20T${12 + id}:00:00Z`
    clinic.host.book({ id, startsAt, recipients: [{ type: 'PATIENT', id: 1, email: 'a@example.org' }] })
    await clinic.notifications.scheduleReminders(id, { customReminders: [11 + id] })
  }
  await clinic.start()
  await rival.start()
  await clinic.clock.advanceTo('2026-03-20T00:59:00Z')
  for (let second = 0; second < 400; second += 1) await clinic.clock.advance(2000)
  await clinic.settle()
  expect([one.sent.length, other.sent.length].toSorted()).toEqual([0, 1])
  const statuses = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((id) => clinic.notifications.getReminders(id)))
  expect(statuses.map((rows) => rows.map(({ status }) => status).join())).toEqual(Array(8).fill('SENT'))
})

/** A worker's storage that stores one of the outcomes that it is given, and then nothing more: the worker is dead. */
function dyingAt(path: string, which: 'first' | 'last'): Store {
  const storage = sqlite(path)
  const { deliveries } = storage
  let isDead = false
  const never = () => new Promise<never>(() => {})
  return {
    ...storage,
    deliveries: {
      ...deliveries,
      renew: (commands) => (isDead ? never() : deliveries.renew(commands)),
      async settle(commands) {
        const one = which === 'first' ? commands.at(0) : commands.at(-1)
        if (!isDead && one !== undefined) await deliveries.settle([one])
        isDead = true
        return never()
      },
    },
  }
}

const unknown = new TransportError('Silence.', { outcome: 'unknown', code: 'silence' })

it.each([
  ['first', null],
  ['last', null],
  ['first', unknown],
  ['last', unknown],
] as const)(
  'a worker that dies after the %s outcome of a message is stored leaves no other message behind: %s',
  async (which, outcome) => {
    const path = await temporaryPath()
    const sent: string[] = []
    const outbox = (result: TransportError | null): Transport => ({
      ...capture(),
      async send({ idempotencyKey, text }) {
        sent.push(`${idempotencyKey} ${text.match(/Dr\. \d/g)?.join()}`)
        if (result !== null) throw result
        return { messageId: null }
      },
    })
    await using clinic = await openClinic('2026-03-18T12:00:00Z', {
      storage: dyingAt(path, which),
      transports: [outbox(outcome)],
    })
    await using rival = await openClinic('2026-03-18T12:00:00Z', {
      storage: sqlite(path),
      transports: [outbox(null)],
      clock: clinic.clock,
      directory: clinic.host,
    })
    await clinic.settings.createOrganizationSettings(organizationId, { oneMessagePerDay: true, quietHours: [] })
    for (const id of [1, 2, 3]) {
      clinic.host.book({
        id,
        startsAt: `2026-03-20T${12 + id}:00:00Z`,
        recipients: [{ type: 'PATIENT', id: 1, email: 'a@example.org' }],
        practitionerName: `Dr. ${id}`,
      })
      await clinic.notifications.scheduleReminders(id, { customReminders: [24] })
    }
    await clinic.start()
    await clinic.clock.advanceTo('2026-03-19T13:00:01Z')
    await clinic.settle()
    await rival.start()
    for (let minute = 0; minute < 200; minute += 1) await clinic.clock.advance(60_000)
    await rival.settle()
    expect(sent[0]).toContain('Dr. 1,Dr. 2,Dr. 3')
    expect(sent).toHaveLength(outcome === null ? 1 : 2)
    // What may have arrived is repeated as it was.
    expect(new Set(sent).size).toBe(1)
    const statuses = await Promise.all([1, 2, 3].map((id) => rival.notifications.getReminders(id)))
    expect(statuses.map((rows) => rows.map(({ status }) => status).join())).toEqual(Array(3).fill('SENT'))
  },
)
