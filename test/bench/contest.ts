/**
 * What everybody is measured by. An appointment has four reminders (an e-mail and an SMS, a day and two hours before); for a
 * peer these are four jobs, which it takes and moves in as few calls as it allows.
 */
export type Contest = {
  /** Plans and stores the reminders of many appointments, the fastest way there is. */
  readonly planMany: (ids: readonly number[]) => Promise<void>
  /** One appointment with one reminder, in one call. */
  readonly planOne: (id: number) => Promise<unknown>
  /** One appointment with all its reminders. */
  readonly plan: (id: number) => Promise<unknown>
  /** To another time each time. */
  readonly move: (id: number) => Promise<unknown>
  readonly cancel: (id: number) => Promise<unknown>
  readonly close: () => Promise<void>
}

export type Contestant<C extends Contest = Contest> = {
  readonly name: string
  readonly durability: string
  readonly open: () => Promise<C>
}

export const remindersEach = 4
/** From here on appointments have one reminder. */
export const firstOfOne = 1_000_000
/** Appointments that `plan` plans. */
export const firstOfFour = 2_000_000
