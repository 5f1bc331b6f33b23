import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it, vi } from 'vitest'
import { DrivenClock } from '../../adapters/testing/kit/driven-clock.ts'
import { createTestNotifications, type TestOptions } from '../../adapters/testing/testing.ts'

const berlin: TestOptions = {
  now: '2026-03-26T09:00',
  timeZone: 'Europe/Berlin',
  settleMs: 0,
  recipients: { ada: { name: 'Ada Byron' } },
}
const booked = (startsAt: string): TestOptions => ({ ...berlin, appointments: [{ id: 1, startsAt }] })

it.each([
  ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30:00Z'],
  ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T00:30:00Z'],
  ['Europe/Berlin', '2026-10-25T02:30+01:00', '2026-10-25T01:30:00Z'],
  ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00:00Z'],
  ['America/New_York', '2026-03-08T02:30', '2026-03-08T07:30:00Z'],
  ['America/New_York', '2026-03-08T01:59', '2026-03-08T06:59:00Z'],
  ['America/New_York', '2026-11-01T01:30', '2026-11-01T05:30:00Z'],
  ['Australia/Lord_Howe', '2026-10-04T02:15', '2026-10-03T15:45:00Z'],
  ['Asia/Kathmandu', '2026-07-01T12:00:30.5', '2026-07-01T06:15:30.500Z'],
  ['UTC', '2026-03-29T02:30', '2026-03-29T02:30:00Z'],
])('reads a wall-clock time as the library does: in %s %s', async (timeZone, when, instant) => {
  await using t = await createTestNotifications({ timeZone, now: when })
  expect(t.now()).toEqual(new Date(instant))
})

it('knows people by addresses as a form has them', async () => {
  await using t = await createTestNotifications({
    ...booked('2026-03-29T10:00'),
    recipients: { ada: { email: 'Ada@Example.ORG', phone: '+49 151 1234-5678' } },
  })
  await t.advanceTo('2026-03-28T10:00')
  expect(t.outbox.sent.length).toBe(2)
  expect(t.outbox.to('ada')).toHaveLength(2)
})

it('keeps listeners across a crash, not those that were taken off, and calls once those for once', async () => {
  await using t = await createTestNotifications(booked('2026-03-29T10:00'))
  const heard: string[] = []
  const off = () => void heard.push('off')
  t.events.on('notification.sent', off)
  t.events.off('notification.sent', off)
  t.events.on('notification.sent', () => void heard.push('on'))
  t.events.once('notification.sent', () => void heard.push('once'))
  await t.crash()
  await t.crash()
  await t.advanceTo('2026-03-28T10:00')
  await t.crash()
  await t.advanceTo('2026-03-29T09:00')
  expect(heard).toEqual(['on', 'once', 'on'])
})

it('crashes twice in one message', async () => {
  await using t = await createTestNotifications(booked('2026-03-29T10:00'))
  await t.crash('before_send')
  await t.advanceTo('2026-03-28T09:30')
  await t.crash('after_send')
  await t.advanceTo('2026-03-28T12:00')
  expect(t.outbox.to('ada').length).toBeGreaterThan(0)
  const { notifications: rows } = await t.notifications.history({ state: 'settled' })
  expect(rows.map(({ status }) => status)).toEqual(['SENT'])
})

it('works where everything is faked', async () => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance', 'hrtime', 'Date'],
  })
  try {
    const t = await createTestNotifications(booked('2026-03-29T10:00'))
    await t.advanceTo('2026-03-28T10:00')
    expect(t.outbox.to('ada')).toHaveLength(1)
    await t.crash()
    await t[Symbol.asyncDispose]()
  } finally {
    vi.useRealTimers()
  }
})

it('reports of a message by hand', async () => {
  await using t = await createTestNotifications(booked('2026-03-29T10:00'))
  await expect(t.receipt('delivered')).rejects.toThrow('Nothing was sent.')
  await expect(t.reply('C')).rejects.toThrow()
  await t.advanceTo('2026-03-28T10:00')
  await t.receipt('bounced', { code: 'smtp_550' })
  const { notifications: rows } = await t.notifications.history({ appointmentId: 1 })
  expect(rows.map(({ status }) => status)).toEqual(['BOUNCED'])
  await expect(t.advanceBy(-1)).rejects.toThrow('is past')
  await expect(t.advanceBy(Number.NaN)).rejects.toThrow('not a')
  await t.advanceBy(0)
})

it('ends a test in the middle of a send', async () => {
  const t = await createTestNotifications({
    ...booked('2026-03-29T10:00'),
    recipients: { ada: { email: 'slow@example.org' } },
  })
  await t.advanceTo('2026-03-28T09:00')
  await t[Symbol.asyncDispose]()
  await t[Symbol.asyncDispose]()
})

it('moves time by two calls at once', async () => {
  await using t = await createTestNotifications(booked('2026-03-29T10:00'))
  await Promise.all([t.advanceTo('2026-03-28T10:00'), t.advanceTo('2026-03-28T12:00')])
  expect(t.now()).toEqual(new Date('2026-03-28T11:00:00Z'))
  expect(t.outbox.to('ada')).toHaveLength(1)
})

it('says so where the timers of Node itself were replaced before it was loaded, and works where they were after', async () => {
  const kit = JSON.stringify(new URL('../../adapters/testing/testing.ts', import.meta.url).href)
  const program = (first: string, second: string) => `
    import { mock } from 'node:test'
    ${first}
    ${second}
    const t = await kit.createTestNotifications({ recipients: { ada: {} }, appointments: [{ id: 1, startsAt: '2026-01-07T10:00' }] })
    await t.advanceBy('2d')
    console.log(t.outbox.to('ada').length)
    await t[Symbol.asyncDispose]()`
  const run = (source: string) => promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source])
  const [load, replace] = [`const kit = await import(${kit})`, 'mock.timers.enable()']
  await expect(run(program(replace, load))).rejects.toThrow('Import it first, then call mock.timers.enable()')
  expect(await run(program(load, replace))).toMatchObject({ stdout: '2\n' })
})

it('fires timers of one time in the order in which they were set, and none of a process that has ended', async () => {
  const clock = new DrivenClock('2026-03-01T09:00:00Z')
  const dead = clock.process()
  const fired: string[] = []
  clock.after(10, () => void fired.push('first'))
  dead.after(10, () => void fired.push('of the dead'))
  clock.setTimer(new Date('2026-03-01T09:00:00.010Z'), () => void fired.push('second'))
  dead.end()
  await clock.advance(10)
  expect([fired, clock.timers]).toEqual([['first', 'second'], 0])
})
