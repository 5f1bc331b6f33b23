import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { createNotifications, type Notifications, type Scheduler, silentLogger } from '../../../src/index.ts'
import { ada, HostData } from '../../support/host-data.ts'
import { migratedDatabase } from '../../support/migrated-sqlite.ts'
import type { World } from './harness.ts'

/** Every reminder is this long before its appointment. */
const offsetMs = 600_000

type WorkerOptions = {
  /** Default: as good as never. */
  readonly sweepMs?: number
  /** What stands between the scheduler and the library. */
  readonly through?: (scheduler: Scheduler) => Scheduler
}

export type Clinic = {
  /** One more process of the host, as far as a scheduler can tell: it shares database and host, and hears of nothing else. */
  readonly worker: (options?: WorkerOptions) => Promise<Notifications>
  /** Books these appointments and plans a reminder of each, due at `at`, in the given process. */
  readonly plan: (library: Notifications, ids: readonly number[], at: Date) => Promise<void>
  /** What was sent: the appointments, in order, and the library's time of each. */
  readonly sent: { readonly id: number; readonly at: Date }[]
  readonly stop: () => Promise<void>
}

export async function openClinic(world: World): Promise<Clinic> {
  const database = await migratedDatabase({ appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' })
  const host = new HostData()
  const sent: { id: number; at: Date }[] = []
  const outbox = capture()
  const libraries: Notifications[] = []
  const { clock } = world

  async function worker({ sweepMs = 86_400_000, through = (scheduler) => scheduler }: WorkerOptions = {}) {
    // What one process writes the other does not hear of: what wakes it is the scheduler, or the sweep.
    const { onForeignChange: _unheard, ...storage } = sqlite({ database })
    const library = createNotifications({
      storage,
      directory: host,
      transports: [
        {
          ...outbox,
          send(message, context) {
            sent.push({ id: Number(message.toName), at: clock.now() })
            return outbox.send(message, context)
          },
        },
      ],
      scheduler: through(world.scheduler()),
      env: {},
      logger: silentLogger,
      clock,
      random: () => 0.5,
      sweepMs,
      reconcileMs: false,
    })
    libraries.push(library)
    await library.migrate()
    await library.start()
    return library
  }

  return {
    worker,
    async plan({ notifications }, ids, at) {
      const startsAt = new Date(at.getTime() + offsetMs)
      for (const id of ids) {
        // The name tells the appointment, so that what was sent can be told apart.
        host.book({
          id,
          startsAt,
          recipients: [{ ...ada, id, name: String(id), email: `a${id}@example.org`, phone: null }],
        })
      }
      const planned = await notifications.scheduleMany(ids, { customReminders: ['10m'] })
      const failed = planned.filter((one) => 'error' in one || one.planned !== 1)
      if (failed.length > 0) throw new Error(`not planned: ${JSON.stringify(failed[0])}`)
    },
    sent,
    async stop() {
      for (const library of libraries) await library.stop()
      database.close()
    },
  }
}
