/**
 * What everybody is measured by. An appointment has four reminders (an e-mail and an SMS, a day and two hours before), two
 * where there are e-mails only; each is a row, and for those who use a queue a job.
 */
import type { Transport } from 'appointment-notifications'
import type { Deliver } from './by-hand/way.ts'
import type { HostRows } from './host.ts'

export type Contest = {
  /** Plans and stores the reminders of many appointments, the fastest way there is; as of `aheadMs` from now. */
  readonly planMany: (ids: readonly number[], aheadMs?: number) => Promise<unknown>
  /** The calls of a host, each about one appointment. */
  readonly plan: (id: number) => Promise<unknown>
  readonly move: (id: number) => Promise<unknown>
  readonly cancel: (id: number) => Promise<unknown>
  /** The host moves appointments in its own table; `move` is what it says then. */
  readonly postpone: (ids: readonly number[], hours: number) => Promise<void>
  /** Begins to send what is due; `fresh` favours the single message over the many. */
  readonly start: (pace: 'many' | 'fresh') => Promise<void>
  /** Resolves when as many have been sent and recorded, and nothing that is due is left. */
  readonly sent: (count: number) => Promise<void>
  /** Rows, to see that the work was done. */
  readonly pending: () => Promise<number>
  readonly history: () => Promise<number>
  /** Brings what was written to where it stays, so that no round pays for the one before. */
  readonly settle: () => Promise<void>
  readonly close: () => Promise<void>
}

/** How messages go out: for the library, and for what is done by hand. */
export type Outlet = {
  readonly transport: Transport
  readonly env: Readonly<Record<string, string>>
  readonly deliver: Deliver
}

export type Opening = HostRows & { readonly outlet: Outlet }

export type Contestant<C extends Contest = Contest> = {
  readonly name: string
  readonly durability: string
  readonly open: (opening: Opening) => Promise<C>
}
