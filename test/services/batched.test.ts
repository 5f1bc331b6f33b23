import { describe, expect, it } from 'vitest'
import { batched } from '../../src/services/shared/batched.ts'
import { openClinic } from '../support/clinic.ts'
import { ManualClock, turns } from '../support/manual-clock.ts'

const now = '2026-03-18T12:00:00Z'

/** Doubles numbers; each batch ends when the test says so. */
function doubling() {
  const clock = new ManualClock(now)
  const batches: { readonly inputs: readonly number[]; readonly end: (fault?: Error) => void }[] = []
  const call = batched<number, number>({
    clock,
    keyOf: (input) => input,
    run: (inputs) =>
      new Promise((resolve, reject) => {
        const end = (fault?: Error) => (fault === undefined ? resolve(inputs.map((one) => one * 2)) : reject(fault))
        batches.push({ inputs, end })
      }),
  })
  return { clock, batches, call, asked: () => batches.map(({ inputs }) => inputs) }
}

describe('calls at the same time', () => {
  it('go together, and each gets its own answer', async () => {
    const { call, batches, asked } = doubling()
    const answers = Promise.all([call(1), call(2), call(3)])
    await turns()
    expect(asked()).toEqual([[1, 2, 3]])
    batches[0]?.end()
    expect(await answers).toEqual([2, 4, 6])
  })

  it('wait for those that run, and then go together', async () => {
    const { call, batches, asked } = doubling()
    const first = call(1)
    await turns()
    const later = Promise.all([call(2), call(3)])
    await turns()
    expect(asked()).toEqual([[1]])
    batches[0]?.end()
    await turns()
    expect(asked()).toEqual([[1], [2, 3]])
    batches[1]?.end()
    expect([await first, ...(await later)]).toEqual([2, 4, 6])
  })

  it('do not wait for long for one that is stuck', async () => {
    const { clock, call, batches, asked } = doubling()
    const stuck = call(1)
    await turns()
    const later = call(2)
    await clock.advance(49)
    expect(asked()).toEqual([[1]])
    await clock.advance(1)
    expect(asked()).toEqual([[1], [2]])
    batches[1]?.end()
    expect(await later).toBe(4)
    batches[0]?.end()
    expect(await stuck).toBe(2)
  })

  it('about the same thing never go together', async () => {
    const { call, batches, asked } = doubling()
    const answers = Promise.all([call(1), call(1), call(2)])
    await turns()
    batches[0]?.end()
    await turns()
    batches[1]?.end()
    expect(await answers).toEqual([2, 2, 4])
    expect(asked()).toEqual([[1, 2], [1]])
  })

  it('fail alone: what went together and was refused is tried one by one', async () => {
    const { call, batches, asked } = doubling()
    const answers = Promise.allSettled([call(1), call(2)])
    await turns()
    batches[0]?.end(new Error('all of it'))
    await turns()
    expect(asked()).toEqual([[1, 2], [1], [2]])
    batches[1]?.end(new Error('only this'))
    batches[2]?.end()
    expect(await answers).toMatchObject([{ reason: { message: 'only this' } }, { value: 4 }])
  })

  it('go a hundred together at most', async () => {
    const { call, batches, asked } = doubling()
    const answers = Promise.all(Array.from({ length: 150 }, (_, index) => call(index)))
    await turns()
    batches[0]?.end()
    await turns()
    batches[1]?.end()
    expect(await answers).toHaveLength(150)
    expect(asked().map(({ length }) => length)).toEqual([100, 50])
  })
})

describe('a clinic that books at several desks at once', () => {
  const ids = Array.from({ length: 10 }, (_, index) => index + 1)

  it('is asked once for its appointments, and once for its organization', async () => {
    await using clinic = await openClinic(now)
    for (const id of ids) clinic.host.book({ id, startsAt: '2026-03-20T15:00:00Z' })
    const before = clinic.host.calls
    const results = await Promise.all(ids.map((id) => clinic.notifications.scheduleReminders(id)))
    expect(results.map(({ appointmentId, reminders }) => [appointmentId, reminders.length])).toEqual(
      ids.map((id) => [id, 4]),
    )
    expect(clinic.host.calls - before).toBe(2)
    const cancelled = await Promise.all(ids.map((id) => clinic.notifications.cancelReminders(id)))
    expect(cancelled).toEqual(ids.map(() => ({ cancelled: 4, inFlight: 0 })))
  })

  it('hears of the one that is not there, and of the others what became of them', async () => {
    await using clinic = await openClinic(now)
    clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z' })
    const results = await Promise.allSettled([1, 2].map((id) => clinic.notifications.scheduleReminders(id)))
    expect(results).toMatchObject([{ value: { appointmentId: 1 } }, { reason: { code: 'appointment_not_found' } }])
    expect(await clinic.notifications.cancelReminders(1)).toEqual({ cancelled: 4, inFlight: 0 })
    await expect(clinic.notifications.cancelReminders(2)).rejects.toMatchObject({ code: 'appointment_not_found' })
  })
})
