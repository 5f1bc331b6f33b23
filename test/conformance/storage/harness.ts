import { afterEach } from 'vitest'
import type { DeliveryRow, IdKinds, MigrateOptions, ReminderRow } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'

export type StorageHarness = {
  /** On an empty place: nothing migrated. */
  readonly storage: Store
  /** Another connection to the same rows, as another process would have; left out where there can be none. */
  readonly another?: () => Promise<Store>
  /** Makes a table of somebody else's by this name, with one column `note`, in the empty place. */
  readonly makeForeignTable?: (name: string) => Promise<void>
  /** Whether a table of this name exists. */
  readonly hasTable?: (name: string) => Promise<boolean>
  /** Writes a later version into the ledger, as a newer library would have. */
  readonly pretendNewer?: () => Promise<void>
  /** Removes what `open` made. Called after the storages are closed. */
  readonly dispose?: () => Promise<void>
}
/** With `ids`, the test migrates before anything else: the place may be one that was migrated with these and holds no rows. */
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
      await harness.dispose?.()
    }
  })
  const start = async (ids?: IdKinds) => {
    const harness = await open(ids)
    const storages = [harness.storage]
    running.push({ storages, harness })
    const another = async () => {
      // One connection stands for two where there can be no second: the rule must hold all the same.
      const storage = (await harness.another?.()) ?? harness.storage
      storages.push(storage)
      return storage
    }
    return { ...harness, another }
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
