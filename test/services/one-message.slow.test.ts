import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { TransportError } from '../../src/index.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { sqlite } from '../support/stores.ts'

it.each([0, 1, 2])('two workers send one message, after %i failures', async (failed) => {
  const directory = await mkdtemp(join(tmpdir(), 'one-message-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'rows.sqlite')
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
