import { afterEach } from 'vitest'
import type { DeliveryRow, IdKinds, MigrateOptions, ReminderRow, Storage } from '../../../src/index.ts'
import { type Store, storeOn } from '../../../src/records/store.ts'

export type StorageHarness = {
  /** On an empty place, such as a new file or schema: nothing is migrated. */
  readonly storage: Storage
  /** Opens another connection to the same rows, as another process would. Left out: there can be none. */
  readonly another?: () => Promise<Storage>
  /** Makes a table of somebody else's with this name and one column `note`. Left out, as the next: those tests are skipped. */
  readonly makeForeignTable?: (name: string) => Promise<unknown>
  /** Whether a table with this name exists. */
  readonly hasTable?: (name: string) => Promise<boolean>
  /** Records a later version than the newest migration, as a newer library would have. Left out: that test is skipped. */
  readonly pretendNewer?: () => Promise<unknown>
  /** Releases what `open` made. Called after the storages are closed. */
  readonly close?: () => Promise<unknown>
}
/**
 * Called for each test. With `ids`, the test begins by migrating: the place may be one that was migrated with these before and
 * holds no rows, which is faster.
 */
export type OpenStorage = (ids?: IdKinds) => Promise<StorageHarness>

export const integerIds: IdKinds = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' }
export const textIds: IdKinds = { appointment: 'text', recipient: 'text', waitlistEntry: 'text' }

/** Noon of a day long past: nothing here asks a clock. */
export const t0 = new Date('2031-03-10T12:00:00.000Z')
export const minutes = (count: number, from: Date = t0): Date => new Date(from.getTime() + count * 60_000)

export const migration = (ids: IdKinds = integerIds): MigrateOptions => ({ ids, adopt: false, now: t0 })

/** What every part of the suite starts from: fresh storages, closed and removed after each test. */
export function starter(open: OpenStorage) {
  const running: { storages: Store[]; harness: StorageHarness }[] = []
  afterEach(async () => {
    for (const { storages, harness } of running.splice(0)) {
      for (const storage of storages) await storage.close()
      await harness.close?.()
    }
  })
  const start = async (ids?: IdKinds) => {
    const harness = await open(ids)
    const storage = storeOn(harness.storage)
    const storages = [storage]
    running.push({ storages, harness })
    const another = async () => {
      const opened = await harness.another?.()
      // One connection stands for two where there can be no second: the rule must hold all the same.
      const other = opened === undefined ? storage : storeOn(opened)
      storages.push(other)
      return other
    }
    return { ...harness, storage, another }
  }
  const migrated = async (ids: IdKinds = integerIds) => {
    const harness = await start(ids)
    await harness.storage.migrate(migration(ids))
    return harness
  }
  return { empty: () => start(), migrated }
}
export type Starter = ReturnType<typeof starter>

/** The rows that are due, of all queues and all parts. */
export const dueReminders = async ({ reminders }: Store, now: Date, limit: number): Promise<readonly ReminderRow[]> =>
  (await reminders.due({ now, limit })).rows
export const dueDeliveries = async ({ deliveries }: Store, now: Date, limit: number): Promise<readonly DeliveryRow[]> =>
  (await deliveries.due({ now, limit })).rows
