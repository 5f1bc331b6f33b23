/** The floor changes what the library changed: after it, two databases are the same. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capture } from 'appointment-notifications/capture'
import { afterAll, expect, it } from 'vitest'
import { openDatabase } from '../support/postgres-server.ts'
import { dayMs, hourMs, idsFrom } from './clinic.ts'
import { floorOf } from './floor.ts'
import { ours } from './ours.ts'
import { changesBetween } from './raw.ts'
import { fileStore, type Place, type Store, serverStore } from './stores.ts'

const directory = mkdtempSync(join(tmpdir(), 'bench-raw-'))
afterAll(() => rmSync(directory, { recursive: true }))
const { url: postgresUrl } = await openDatabase()

it.each([fileStore(directory), serverStore({ postgresUrl, redis: null })])('on $name', async (store) => {
  const made: Place[] = []
  const watched: Store = {
    ...store,
    async make() {
      const place = await store.make()
      made.push(place)
      return place
    },
  }
  const ids = idsFrom(1, 40)
  // Due when they are planned an hour ago, and sent now.
  const startOf = (id: number) => new Date(Date.now() + dayMs - hourMs / 2 + id * 1000)
  const outlet = { transport: capture(), env: {}, deliver: async () => {} }
  const contest = await ours(watched).open({ ids, startOf, phones: true, outlet })
  const floor = await floorOf(watched, contest.place)
  const [place, mirror] = made
  const differences = async () =>
    changesBetween((await mirror?.read()) ?? [], (await place?.read()) ?? []).map(({ name }) => name)

  await contest.planMany(ids, -hourMs)
  await floor.follow(ids.length, 20)
  expect(await differences()).toEqual([])
  await contest.cancel(1)
  await contest.postpone([2], 48)
  await contest.move(2)
  await floor.follow(2, 2)
  expect(await differences()).toEqual([])
  await contest.start('many')
  await contest.sent(38 * 2)
  expect(await contest.history()).toBe(38 * 2)
  const changed = await differences()
  expect(changed).toContain('notification_history')
  await floor.follow(38 * 2, 10, true)
  expect(await differences()).toEqual([])
  await floor.close()
  await contest.close()
})
