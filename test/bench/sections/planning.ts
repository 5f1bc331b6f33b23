import { join } from 'node:path'
import { idsFrom, openClinic, overAMonth } from '../clinic.ts'
import { expectCount, type Line, rates, type Sample, timed } from '../measure.ts'
import { inserter, migrated, plannedRows } from '../raw.ts'
import { silent } from '../transports.ts'

const rounds = 3
const remindersEach = 4
const bulkAppointments = 10_000
const singleAppointments = 4000
const atOnce = 10
/** The library's own batch. */
const bulkBatch = 500

type Plan = (
  notifications: Awaited<ReturnType<typeof openClinic>>['notifications'],
  ids: readonly number[],
) => Promise<void>

const inBulk: Plan = async (notifications, ids) => {
  await notifications.scheduleMany(ids)
}

const oneByOne: Plan = async (notifications, ids) => {
  const rest = ids.values()
  const caller = async () => {
    for (const id of rest) await notifications.scheduleReminders(id)
  }
  await Promise.all(Array.from({ length: atOnce }, caller))
}

/** Appointments planned by the library, then the same rows by better-sqlite3 alone, `batch` appointments a commit. */
async function compare(directory: string, name: string, plan: Plan, appointments: number, batch: number) {
  const ours: Sample[] = []
  const raw: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    const path = join(directory, `${name}-${round}.sqlite`)
    const library = await openClinic({ path, transport: silent, startOf: overAMonth(Date.now()), phones: true })
    ours.push(await timed(appointments, () => plan(library.notifications, idsFrom(1, appointments))))
    await library.stop()
    const pieces = plannedRows(path, appointments, batch)
    const reminders = pieces.flat().filter(({ table }) => table === 'appointment_reminders')
    expectCount(
      'reminders stored',
      reminders.reduce((sum, { rows }) => sum + rows.length, 0),
      appointments * remindersEach,
    )
    const database = await migrated(join(directory, `${name}-${round}-raw.sqlite`))
    raw.push(await timed(appointments, inserter(database, pieces)))
    database.close()
  }
  return { ours, raw }
}

const perReminder = ({ perSecond, cpuUs }: Sample): Sample => ({
  perSecond: perSecond * remindersEach,
  cpuUs: cpuUs / remindersEach,
})

export async function planning(directory: string): Promise<Line[]> {
  const bulk = await compare(directory, 'bulk', inBulk, bulkAppointments, bulkBatch)
  const single = await compare(directory, 'single', oneByOne, singleAppointments, atOnce)
  return [
    rates(
      'reminders planned and stored, bulk',
      bulk.ours.map(perReminder),
      bulk.raw.map(perReminder),
      `${bulkAppointments} appointments, ${remindersEach} reminders each; raw: the same rows, ${bulkBatch} appointments a commit`,
    ),
    rates(
      'appointments planned, one a call, 10 at once',
      single.ours,
      single.raw,
      `${remindersEach} reminders each; raw: the same rows, ${atOnce} appointments a commit`,
    ),
  ]
}
