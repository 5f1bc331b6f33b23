import { clockAhead } from '../support/clock-ahead.ts'
import { emailTemplate, sender, smsTemplate } from './by-hand/tables.ts'
import { openLibrary } from './clinic.ts'
import type { Contest, Contestant } from './contest.ts'
import { organizations, withPreferences } from './host.ts'
import type { Place, Store } from './stores.ts'
import { silent } from './transports.ts'

export type OurContest = Contest & {
  /** Where it works. */
  readonly place: Place
}

export const ourName = (store: Pick<Store, 'name'>) => `ours on ${store.name}`

type Library = Awaited<ReturnType<typeof openLibrary>>

/** The same settings, preferences and texts as everybody's. */
async function settleIn({ settings, stop }: Library, place: Place): Promise<void> {
  for (const id of organizations) {
    await settings.createOrganizationSettings(id, { emailFromAddress: sender })
    await settings.updateTemplates(id, {
      emailTemplates: { appointment_reminder: emailTemplate },
      smsTemplates: { appointment_reminder: smsTemplate },
    })
  }
  await Promise.all(
    withPreferences.map((id) => settings.createPreferences({ type: 'PATIENT', id }, { waitlistNotification: false })),
  )
  await stop()
  await withoutReplanJobs(place)
}

/** Whoever changes settings has appointments planned anew, which is another measure. */
export async function withoutReplanJobs(place: Place): Promise<void> {
  const [jobs] = await place.read(['replan_jobs'])
  if (jobs === undefined) throw new Error('there is no table replan_jobs')
  const deletion = { ...jobs, inserted: [], updated: [], columns: [], deleted: jobs.rows }
  const { run, close } = await place.replaying({ changes: [deletion], pieces: 1, claims: false })
  await run()
  await close()
}

/** The library as a host calls it: it asks the host's tables, decides, explains, stores, claims, sends and records. */
export const ours = (store: Store): Contestant<OurContest> => ({
  name: ourName(store),
  durability: store.durability,
  async open({ outlet, ...rows }) {
    const place = await store.make()
    const host = await place.host(rows)
    const { directory } = host
    // Reconciliation runs once in six hours and reads all plans: what that costs is another question.
    const open = (options: Partial<Parameters<typeof openLibrary>[0]> = {}) =>
      openLibrary({ storage: place.storage(), directory, transport: silent, reconcileMs: false, ...options })
    await settleIn(await open(), place)
    const library = await open({ transport: outlet.transport, env: outlet.env })
    const { notifications, events } = library
    let sent = 0
    const failed = Promise.withResolvers<never>()
    failed.promise.catch(() => {})
    events.on('reminder.sent', () => {
      sent += 1
    })
    events.on('reminder.failed', ({ code }) => failed.reject(new Error(code)))
    return {
      place,
      async planMany(ids, aheadMs = 0) {
        if (aheadMs === 0) return void (await notifications.scheduleMany(ids))
        const then = await open({ clock: clockAhead(() => aheadMs) })
        await then.notifications.scheduleMany(ids)
        await then.stop()
      },
      plan: (id) => notifications.scheduleReminders(id),
      move: (id) => notifications.rescheduleReminders(id),
      cancel: (id) => notifications.cancelReminders(id),
      postpone: host.postpone,
      start: () => library.start(),
      sent: (count) => {
        const all = new Promise<void>((resolve) => {
          if (sent >= count) resolve()
          events.on('reminder.sent', () => sent >= count && resolve())
        })
        return Promise.race([all, failed.promise])
      },
      async pending() {
        const [reminders] = await place.read(['appointment_reminders'])
        return reminders?.rows.filter((row) => row['status'] === 'PENDING').length ?? 0
      },
      async history() {
        const { total } = await notifications.history({ status: 'SENT', limit: 1 })
        return total
      },
      settle: place.settle,
      async close() {
        await library.stop()
        await host.close()
        await place.drop()
      },
    }
  },
})
