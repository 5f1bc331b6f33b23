import { afterEach, expect, it, vi } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { createTestNotifications, type TestOptions, testAddresses } from '../../adapters/testing/testing.ts'
import { createNotifications, type Hooks } from '../../src/index.ts'
import { spentMs } from '../support/spent.ts'

const berlin: TestOptions = {
  now: '2026-03-26T09:00',
  timeZone: 'Europe/Berlin',
  settleMs: 0,
  recipients: { ada: { name: 'Ada Byron' }, bob: {} },
  appointments: [{ id: 1, startsAt: '2026-03-29T10:00', recipients: ['ada'] }],
}

afterEach(() => void vi.useRealTimers())

it('sends what is due on the way, each at its own time, across a change of the clocks', async () => {
  await using t = await createTestNotifications(berlin)
  await t.advanceTo('2026-03-29T09:59')
  expect(t.outbox.to('ada').summary()).toEqual([
    '2026-03-28T08:00:00.000Z EMAIL REMINDER',
    '2026-03-29T06:00:00.000Z EMAIL REMINDER',
  ])
  expect(t.outbox.to('ada').last().text).toContain('10:00')
  expect(t.outbox.to('bob')).toHaveLength(0)
  expect(() => t.outbox.to('bob').last()).toThrow('Nothing was sent to bob.')
})

it('changes data as the application does, with or without a report', async () => {
  await using t = await createTestNotifications(berlin)
  t.data.setAppointment({ id: 1, startsAt: '2026-03-30T10:00' })
  await t.notifications.appointmentRescheduled(1)
  t.data.setAppointment({ id: 2, startsAt: '2026-03-30T12:00', recipients: ['bob'] })
  await t.notifications.appointmentBooked(2)
  await t.idle()
  expect([...t.outbox.sent].map(({ category, to }) => `${category} ${to}`)).toEqual([
    'RESCHEDULE ada@example.org',
    'CONFIRMATION bob@example.org',
  ])
  t.data.setAppointment({ id: 2, status: 'cancelled' })
  await t.advanceBy('4d')
  expect(t.outbox.to('bob')).toHaveLength(1)
})

it('passes three days in a tenth of a second', async () => {
  await using t = await createTestNotifications(berlin)
  const [began, spentBefore] = [performance.now(), spentMs()]
  await t.advanceBy('3d')
  const [tookMs, tookOfProcessor] = [performance.now() - began, spentMs() - spentBefore]
  expect(t.outbox.to('ada')).toHaveLength(2)
  // Ten times what it takes on a quiet machine; and on a busy one, which has others to serve.
  expect(tookOfProcessor).toBeLessThan(1000)
  expect(tookMs).toBeLessThan(5000)
})

it.each([
  ['before_send', 1],
  ['after_send', 2],
] as const)('takes over what a process held that died %s', async (when, sent) => {
  await using t = await createTestNotifications(berlin)
  const events: string[] = []
  t.events.on('reminder.sent', ({ offset }) => void events.push(offset))
  await t.crash(when)
  await t.advanceTo('2026-03-28T10:00')
  expect(t.outbox.to('ada')).toHaveLength(sent)
  expect(new Set([...t.outbox.sent].map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
  expect(events).toEqual(['24h'])
  const { notifications: rows } = await t.notifications.history({ state: 'settled' })
  expect(rows.map(({ status }) => status)).toEqual(['SENT'])
})

it('dies at once, and forgets no plan', async () => {
  await using t = await createTestNotifications(berlin)
  const { notifications, consent } = t
  await t.crash()
  // What was taken from the process before is of the one that lives.
  expect(await consent.record('test-clinic')).toMatchObject({ records: [] })
  await t.advanceTo('2026-03-28T10:00')
  expect(t.outbox.to('ada')).toHaveLength(1)
  expect((await notifications.getReminders(1)).map(({ status }) => status)).toEqual(['SENT', 'PENDING'])
})

it('has addresses that behave as some do', async () => {
  const recipients = Object.fromEntries(
    Object.entries(testAddresses).map(([name, { email }]) => [name, { email }] as const),
  )
  await using t = await createTestNotifications({ ...berlin, recipients, appointments: [] })
  const names = Object.keys(recipients)
  for (const [index, name] of names.entries()) {
    t.data.setAppointment({ id: index + 1, startsAt: '2026-03-30T10:00', recipients: [name] })
    await t.notifications.appointmentBooked(index + 1)
  }
  await t.advanceBy('1h')
  const statuses = await Promise.all(
    names.map(async (_, index) => {
      const { notifications: rows } = await t.notifications.history({ appointmentId: index + 1 })
      return rows.map(({ status }) => status)
    }),
  )
  expect(Object.fromEntries(names.map((name, index) => [name, statuses[index]]))).toEqual({
    refused: ['FAILED'],
    bounces: ['BOUNCED'],
    busy: ['SENT'],
    lost: ['SENT'],
    slow: ['SENT'],
  })
  expect(t.outbox.to('slow').summary()).toEqual(['2026-03-26T08:00:30.000Z EMAIL CONFIRMATION'])
  // Its first answer was lost: it was sent twice, under one key.
  expect(t.outbox.to('lost')).toHaveLength(2)
})

it('records what a provider reports', async () => {
  await using t = await createTestNotifications(berlin)
  await t.advanceTo('2026-03-28T10:00')
  await t.receipt('delivered')
  const { notifications: rows } = await t.notifications.history({ appointmentId: 1 })
  expect(rows.map(({ status }) => status)).toEqual(['DELIVERED'])
})

it('works where the test runner has replaced the timers, also before it is loaded', async () => {
  vi.useFakeTimers()
  await using t = await createTestNotifications(berlin)
  await t.advanceTo('2026-03-28T10:00')
  expect(t.outbox.to('ada')).toHaveLength(1)
  const { href } = new URL('../../adapters/testing/kit/driven-clock.ts?again', import.meta.url)
  const again: { turns(): Promise<void> } = await import(href)
  await again.turns()
})

it('names what is wrong', async () => {
  await using t = await createTestNotifications(berlin)
  await expect(t.advanceTo('2026-03-20T10:00')).rejects.toThrow('is past')
  await expect(t.advanceTo('soon')).rejects.toThrow('"soon" is not a time')
  await expect(t.advanceBy('3 weeks')).rejects.toThrow('"3 weeks" is not a duration')
  expect(() => t.outbox.to('eve')).toThrow('There is no "eve" among the people of this test: ada, bob.')
  expect(() => t.data.setAppointment({ id: 9 })).toThrow('needs "startsAt"')
})

it('needs no kit to work where the test runner has replaced the timers', async () => {
  vi.useFakeTimers()
  const library = createNotifications({
    storage: sqlite(':memory:'),
    transports: [],
    directory: { appointments: () => [], organizations: () => [] },
    env: {},
  })
  await library.migrate()
  expect(await library.notifications.history()).toMatchObject({ total: 0 })
  vi.useRealTimers()
  await library.stop()
})

it('hears what people reply to messages', async () => {
  const heard: string[] = []
  const hooks: Hooks = {
    onConfirm: ({ appointmentId }) => void heard.push(`${appointmentId}`),
    onChangeRequest: () => {},
  }
  await using t = await createTestNotifications({
    ...berlin,
    publicUrl: 'https://clinic.example/n',
    hooks,
    settings: { askForAnswers: true, defaultSmsReminders: [24], defaultEmailReminders: [24] },
    recipients: { ada: { phone: '+4915112345678' }, bob: { phone: '+4915112345679', email: undefined } },
    appointments: [
      { id: 1, startsAt: '2026-03-29T10:00', recipients: ['ada'] },
      { id: 2, startsAt: '2026-03-29T11:00', recipients: ['bob'] },
    ],
  })
  await t.advanceTo('2026-03-28T12:00')
  expect(t.outbox.to('bob').last().text).toMatch(/\bC\b/)
  await t.reply('C')
  expect(heard).toEqual(['2'])
  const [, bySms] = t.outbox.to('ada')
  if (bySms?.channel !== 'SMS') throw new Error('Expected an SMS.')
  await t.reply('c', { of: bySms })
  expect(heard).toEqual(['2', '1'])
  expect(await t.reply('STOP')).not.toBeNull()
  t.data.setAppointment({ id: 3, startsAt: '2026-03-31T11:00', recipients: ['bob'] })
  await t.notifications.appointmentBooked(3)
  await t.advanceBy('4d')
  expect(t.outbox.to('bob')).toHaveLength(1)
})
