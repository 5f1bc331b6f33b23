import { expect, it } from 'vitest'
import { ask, openWorld, viewer } from '../conformance/http/world.ts'
import { ada, openClinic } from '../support/clinic.ts'

const people = Array.from({ length: 7 }, (_, index) => ({ ...ada, id: 100 + index, email: `p${index}@example.org` }))

async function planned() {
  const clinic = await openClinic('2024-09-20T12:00:00Z')
  clinic.host.book({ id: 1, startsAt: '2024-09-25T12:00:00Z', recipients: people })
  await clinic.notifications.scheduleReminders(1, { customReminders: [48, 24, 2] })
  return clinic
}

async function pages<Row>(
  read: (cursor: string | undefined) => Promise<{ rows: readonly Row[]; next: string | null }>,
) {
  const all: Row[][] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const { rows, next }: { rows: readonly Row[]; next: string | null } = await read(cursor)
    all.push([...rows])
    cursor = next
  }
  return all
}

it('lists reminders a page at a time, each once, by time', async () => {
  await using clinic = await planned()
  const whole = await clinic.notifications.getReminders(1)
  const read = await pages(async (cursor) => {
    const options = { limit: 5, ...(cursor === undefined ? {} : { cursor }) }
    const { reminders, nextCursor } = await clinic.notifications.remindersPage(1, options)
    return { rows: reminders, next: nextCursor }
  })
  expect(whole.length).toBeGreaterThan(20)
  expect(read.every((page) => page.length <= 5 && page.length > 0)).toBe(true)
  expect(read.flat()).toEqual(whole)
  expect(await clinic.notifications.remindersPage(1)).toMatchObject({ reminders: whole, nextCursor: null })
})

it('explains a page at a time, although most lines have one instant, and what is added meanwhile shifts nothing', async () => {
  await using clinic = await planned()
  const whole = await clinic.notifications.explain(1)
  let isFirst = true
  const read = await pages(async (cursor) => {
    const options = { limit: 4, ...(cursor === undefined ? {} : { cursor }) }
    const { decisions, nextCursor } = await clinic.notifications.explanationPage(1, options)
    if (isFirst) {
      await clinic.clock.advance(1000)
      await clinic.notifications.cancelReminders(1)
    }
    isFirst = false
    return { rows: decisions, next: nextCursor }
  })
  const later = await clinic.notifications.explain(1)
  expect(later.length).toBeGreaterThan(whole.length)
  expect(read.flat()).toEqual(later)
})

it('has them over HTTP, the first page as it was', async () => {
  const world = await openWorld()
  for (const [path, field] of [
    ['/reminders/appointment/42', 'reminders'],
    ['/reminders/appointment/42/explain', 'decisions'],
  ] as const) {
    const whole = await ask(world, { method: 'GET', path, caller: viewer })
    expect(whole.answer).toMatchObject({ [field]: expect.any(Array) })
    const read = await pages<unknown>(async (cursor) => {
      const query = new URLSearchParams({ limit: '1', ...(cursor === undefined ? {} : { cursor }) })
      const { answer } = await ask(world, { method: 'GET', path: `${path}?${query}`, caller: viewer })
      if (typeof answer !== 'object' || answer === null) throw new Error('no page')
      const next: unknown = Reflect.get(answer, 'next_cursor')
      return { rows: [].concat(Reflect.get(answer, field)), next: typeof next === 'string' ? next : null }
    })
    expect(read.length).toBeGreaterThan(1)
    expect(whole.answer).toMatchObject({ [field]: read.flat() })
    for (const query of ['limit=0', 'limit=1001', 'cursor=broken']) {
      expect((await ask(world, { method: 'GET', path: `${path}?${query}`, caller: viewer })).status, query).toBe(422)
    }
  }
  await world.stop()
})
