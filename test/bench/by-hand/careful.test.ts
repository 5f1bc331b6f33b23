/** What the careful way promises, without a queue: jobs are what this test runs. */

import type pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import { openDatabase } from '../../support/postgres-server.ts'
import { dayMs } from '../clinic.ts'
import type { Contest } from '../contest.ts'
import { silent } from '../transports.ts'
import { careful } from './careful.ts'
import { byHand } from './contestant.ts'
import type { Engine, Work } from './engine.ts'
import type { Message } from './reminders.ts'
import type { Change } from './way.ts'

const { url: server } = await openDatabase()

type Deliver = (message: Message) => Promise<unknown>
let closing: Contest | null = null
afterEach(() => closing?.close())

/** One appointment, of which two reminders have just become due. */
async function open(deliver: Deliver) {
  let pool: pg.Pool | undefined
  let handler: Work['handler'] = async () => {}
  const told: Change[] = []
  const byHandOnly: Engine = {
    ...{ name: 'nothing', durability: '', single: false },
    async open(_url, hostPool) {
      pool = hostPool
      return {
        when: 'within',
        change: async (changes) => void told.push(...changes),
        work: async (work) => {
          handler = work.handler
        },
        left: async () => 0,
        close: async () => {},
      }
    },
  }
  const startOf = () => new Date(Date.now() + dayMs - 1000)
  const outlet = { transport: silent, env: {}, deliver: (message: Message) => deliver(message) }
  const contest = await byHand(server, byHandOnly, careful, false).open({ ids: [1], startOf, phones: true, outlet })
  closing = contest
  await contest.plan(1)
  await contest.start('many')
  const rows = async (text: string) => (await pool?.query(text))?.rows ?? []
  const due = told.filter(({ at }) => at.getTime() < Date.now()).map(({ id }) => id)
  return { contest, told, due, rows, run: () => handler(due) }
}

const states = `select status from appointment_reminders where hours_before_appointment = 24 order by id`

it('sends once, however many workers have the same jobs', async () => {
  const sent: string[] = []
  const { run, due, rows } = await open(async ({ key }) => sent.push(key))
  await Promise.all([run(), run(), run()])
  await run()
  expect(sent.sort()).toEqual(due.map((id) => `reminder-${id}`))
  expect(await rows(states)).toEqual([{ status: 'SENT' }, { status: 'SENT' }])
})

it('plans once, however often it is asked, and by however many at once', async () => {
  const { contest, told, rows } = await open(async () => {})
  const many = () => Promise.all(Array.from({ length: 5 }, () => contest.plan(1)))
  await many()
  await contest.move(1)
  expect([told.length, await contest.pending()]).toEqual([4, 4])
  await rows('delete from appointment_reminders')
  await many()
  expect([told.length, await contest.pending()]).toEqual([8, 4])
})

it('sends what a dead worker claimed once its claim is over, by the same key; a late record of the dead changes nothing', async () => {
  const keys: string[] = []
  const hang = Promise.withResolvers<void>()
  let deliver: Deliver = () => hang.promise
  const { run, rows } = await open(async (message) => {
    keys.push(message.key)
    await deliver(message)
  })
  const dead = run()
  await expect.poll(() => keys.length).toBe(2)
  deliver = async () => {}
  await run()
  expect(keys).toHaveLength(2)
  await rows(`update appointment_reminders set claimed_until = now() - interval '1 second' where claim is not null`)
  await run()
  expect(keys.slice(2).sort()).toEqual(keys.slice(0, 2).sort())
  hang.resolve()
  await dead
  expect(await rows('select status from notification_history')).toEqual([{ status: 'SENT' }, { status: 'SENT' }])
})

it('records what went out while it was cancelled or moved, and sends it no more', async () => {
  const hang = Promise.withResolvers<void>()
  let count = 0
  const { contest, run, rows, told } = await open(async () => {
    count += 1
    await hang.promise
  })
  const sending = run()
  await expect.poll(() => count).toBe(2)
  await contest.postpone([1], 1)
  await contest.move(1)
  hang.resolve()
  await sending
  await run()
  expect(count).toBe(2)
  expect(await rows('select status from notification_history')).toHaveLength(2)
  const live = `select status, sent_at is not null as out from appointment_reminders where hours_before_appointment = 24`
  expect(await rows(`${live} order by id`)).toEqual([
    ...Array(2).fill({ status: 'CANCELLED', out: true }),
    ...Array(2).fill({ status: 'PENDING', out: false }),
  ])
  const changes = told.slice(4).map(({ change }) => change)
  expect(changes.sort()).toEqual([
    ...Array(2).fill('cancelled'),
    ...Array(2).fill('moved'),
    ...Array(2).fill('planned'),
  ])
})

it('cancels before the claim: nothing is sent', async () => {
  const sent: string[] = []
  const { contest, run } = await open(async ({ key }) => sent.push(key))
  await contest.cancel(1)
  await run()
  expect([sent, await contest.pending()]).toEqual([[], 0])
})

it('sends no reminder before its time, whatever woke it', async () => {
  const sent: Date[] = []
  const { contest, run } = await open(async ({ due }) => sent.push(due))
  await contest.postpone([1], 1)
  await contest.move(1)
  await run()
  expect(sent).toEqual([])
})

it('tries three times, then gives up and says so', async () => {
  const { run, rows } = await open(async () => {
    throw new Error('the provider is down')
  })
  await expect(run()).rejects.toThrow('the provider is down')
  await expect(run()).rejects.toThrow('the provider is down')
  expect(await rows('select status from notification_history')).toEqual([])
  await run()
  const failed = { status: 'FAILED', error_message: 'Error: the provider is down' }
  expect(await rows('select status, error_message from notification_history')).toEqual([failed, failed])
  expect(await rows(states)).toEqual([{ status: 'FAILED' }, { status: 'FAILED' }])
})

it('finds what is overdue, which a crash may have left without a job', async () => {
  const { run, due, rows } = await open(async () => {})
  const overdue = async () => (await rows(careful.overdue ?? '')).map(({ id }) => id)
  expect(await overdue()).toEqual([])
  await rows(`update appointment_reminders set reminder_time = now() - interval '11 seconds' where id in (${due})`)
  expect((await overdue()).sort()).toEqual(due)
  await run()
  expect(await overdue()).toEqual([])
})

it('refuses what is no longer right', async () => {
  const sent: string[] = []
  const { run, rows } = await open(async ({ key }) => sent.push(key))
  await rows(`update appointments set status = 'cancelled'`)
  await run()
  expect(sent).toEqual([])
  expect(await rows(states)).toEqual([{ status: 'CANCELLED' }, { status: 'CANCELLED' }])
  expect(await rows('select error_message from appointment_reminders where status = $$CANCELLED$$ limit 1')).toEqual([
    { error_message: 'the appointment is not scheduled' },
  ])
})
