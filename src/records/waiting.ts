import { keys } from '../ports/rows/keys.ts'
import { type Command, each, read } from '../ports/rows/rows.ts'
import type { Row } from '../ports/rows/tables/tables.ts'
import type { ReleaseCommand, WaitingWork } from '../ports/storage/accounts.ts'
import type { Storage } from '../ports/storage.ts'

type Release = WaitingWork & { readonly account: string; readonly at: number }

const isEarlier = (row: Pick<Row<'appointment_reminders'>, 'due_at'>, { dueAt, at }: Release): boolean =>
  row.due_at === dueAt.getTime() && row.due_at > at

/** Only where it still waits for its last moment. What another transaction has is left for the next call, with its entry. */
const releases: Command<Release, boolean> = {
  stages: [
    ({ work, id }) => (work === 'reminder' ? [read(keys.waitingReminder, { id })] : []),
    ({ work, id }) => (work === 'delivery' ? [read(keys.lease, { id })] : []),
  ],
  run: each((rows, command) => {
    const { account, work, id, dueAt, at: due_at } = command
    rows.deleteBy('notification_waiting', { account, due_at: dueAt.getTime(), work, work_id: id })
    if (work === 'reminder') {
      const row = rows.get(keys.waitingReminder, { id })
      if (row?.status === 'PENDING' && isEarlier(row, command)) rows.update('appointment_reminders', id, { due_at })
    } else {
      const row = rows.get(keys.lease, { id })
      // With its state, by which storages that notify other processes know that it waits.
      if (row?.delivery_state === 'queued' && isEarlier(row, command))
        rows.update('notification_history', id, { due_at, delivery_state: 'queued' })
    }
    return true
  }),
  held: { outcome: false, wait: 'never' },
}

/** `AccountCommands.release`. */
export async function release(storage: Pick<Storage, 'accounts' | 'carry'>, command: ReleaseCommand): Promise<number> {
  const { account, at, skip = 0 } = command
  const skipped = await storage.accounts.waiting({ ...command, skip })
  const page = skipped.length === 0 && skip > 0 ? await storage.accounts.waiting({ ...command, skip: 0 }) : skipped
  const last = page.length - 1
  const work = page.map((one, place) => ({ ...one, account, at: at.getTime() - (last - place) }))
  return (await storage.carry(releases, work)).filter(Boolean).length
}
