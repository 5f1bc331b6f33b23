import { expect, it } from 'vitest'
import { emptySettings, type RefuseCommand } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { about, claimOne, commit, newReminder, organizationId, planCommand, planOne, reminderWork } from './rows.ts'

const account = 'smtp:org:1f3a'
const refusal = (change: Partial<RefuseCommand> = {}): RefuseCommand => ({
  account,
  organizationId,
  channel: 'EMAIL',
  provider: 'smtp',
  code: 'smtp_535',
  probeAt: minutes(1),
  seenRefusals: 0,
  at: t0,
  ...change,
})

/** Puts a reminder off until `until`, as one that waits for the account. */
async function waitFor(storage: Store, id: number, until: Date, waitingFor = account): Promise<void> {
  await commit(storage, { kind: 'defer', work: reminderWork(id), decision: about(), until, waitingFor: [waitingFor] })
}

/** Released a millisecond before another, so that it is read before it. */
const justBefore = (count: number) => new Date(minutes(count).getTime() - 1)

const dueOf = async (storage: Store, ids: readonly number[]) =>
  Promise.all(ids.map(async (id) => (await storage.reminders.get(id))?.dueAt))

/** Reminders of as many appointments. */
const planSeveral = (storage: Store, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      planOne(storage, { plan: { ...planCommand().plan, appointmentId: 500 + index }, reminders: [newReminder()] }),
    ),
  )

export function accounts({ migrated }: Starter): void {
  it('keeps what accounts signed in with before, the last first, and erases what is over', async () => {
    const { storage, another } = await migrated()
    const previous = (accountId: string, expiresAt: Date, organization: string | null = organizationId) => ({
      accountId,
      organizationId: organization,
      channel: 'SMS' as const,
      account: { provider: 'twilio', apiSecret: 'v1:sealed', atOnce: 3, fromNumber: null },
      expiresAt,
    })
    await storage.settings.create(organizationId, { ...emptySettings, accountKey: 'key-1' }, null, t0)
    const [old, hosts] = [previous('key-1-sms', minutes(1)), previous('host-sms', minutes(9), null)]
    await storage.accounts.keepPrevious([old, hosts])
    const newer = previous('key-1-sms', minutes(2))
    const kept = { kept: [newer], revoke: false }
    const written = await storage.settings.update(organizationId, { smsEnabled: false }, null, t0, undefined, 1, {
      credentials: kept,
    })
    expect(written).toMatchObject({ accountKey: 'key-1', revision: 2 })
    const other = await another()
    expect(await other.accounts.previous('key-1-sms')).toEqual([newer, old])
    // A change that is lost keeps nothing.
    const late = { kept: [previous('key-1-sms', minutes(7))], revoke: true }
    expect(await storage.settings.update(organizationId, {}, null, t0, undefined, 1, { credentials: late })).toBeNull()
    expect(await storage.accounts.erasePrevious(minutes(1))).toBe(1)
    expect(await other.accounts.previous('key-1-sms')).toEqual([newer])
    await storage.settings.update(organizationId, {}, null, t0, undefined, 2, {
      credentials: { kept: [], revoke: true },
    })
    expect(await other.accounts.previous('key-1-sms')).toEqual([])
    expect(await other.accounts.previous('host-sms')).toEqual([hosts])
  })

  it('finds settings by the account key, which stays as it is', async () => {
    const { storage, another } = await migrated()
    await storage.settings.create(organizationId, emptySettings, null, t0)
    expect(await storage.settings.byAccountKey('key-1')).toBeNull()
    await storage.settings.update(organizationId, { accountKey: 'key-1' }, null, t0)
    await storage.settings.update(organizationId, { smsEnabled: false }, null, t0)
    const other = await another()
    expect(await other.settings.byAccountKey('key-1')).toMatchObject({ organizationId, revision: 3, smsEnabled: false })
  })

  it('pauses an account once for all that is refused together, and longer for each probe', async () => {
    const { storage, another } = await migrated()
    expect(await storage.accounts.paused()).toEqual([])
    const first = await storage.accounts.refuse(refusal())
    expect(first).toEqual({
      account,
      organizationId,
      channel: 'EMAIL',
      provider: 'smtp',
      code: 'smtp_535',
      pausedSince: t0,
      refusals: 1,
      probeAt: minutes(1),
    })
    // Sent at the same time, refused a moment later: known already.
    expect(await storage.accounts.refuse(refusal({ probeAt: minutes(9), at: minutes(2) }))).toEqual(first)
    const other = await another()
    expect(await other.accounts.paused()).toEqual([first])
    const probed = await other.accounts.refuse(
      refusal({ seenRefusals: 1, probeAt: minutes(3), at: minutes(2), code: 'smtp_421' }),
    )
    expect(probed).toEqual({ ...first, refusals: 2, probeAt: minutes(3), code: 'smtp_421' })
    expect(await storage.accounts.paused()).toEqual([probed])
  })

  it('gives the probe to one of several that ask, and the next at its time', async () => {
    const { storage, another } = await migrated()
    await storage.accounts.refuse(refusal())
    const workers = [storage, await another(), await another()]
    const taken = await Promise.all(workers.map(({ accounts: one }) => one.takeProbe(account, minutes(1), minutes(2))))
    expect(taken.filter(Boolean)).toHaveLength(1)
    expect(await storage.accounts.takeProbe(account, minutes(1), minutes(3))).toBe(false)
    expect(await storage.accounts.takeProbe(account, minutes(2), minutes(3))).toBe(true)
  })

  it('is told once that an account is well, and then knows nothing of it', async () => {
    const { storage } = await migrated()
    await storage.accounts.refuse(refusal({ organizationId: null }))
    expect((await storage.accounts.paused())[0]?.organizationId).toBeNull()
    expect(await storage.accounts.recover(account)).toBe(true)
    expect(await storage.accounts.recover(account)).toBe(false)
    expect(await storage.accounts.paused()).toEqual([])
    expect(await storage.accounts.takeProbe(account, minutes(1), minutes(2))).toBe(false)
  })

  it('releases what waits, the one with the least time left first', async () => {
    const { storage } = await migrated()
    const ids = await planSeveral(storage, 4)
    for (const [index, id] of ids.entries()) await waitFor(storage, id, minutes(100 - index))
    expect(await storage.accounts.awaited()).toEqual([{ account, organizationId }])
    expect(await storage.accounts.release({ account, limit: 2, at: minutes(5) })).toBe(2)
    expect(await dueOf(storage, ids)).toEqual([minutes(100), minutes(99), minutes(5), justBefore(5)])
    expect(await storage.accounts.release({ account, limit: 10, at: minutes(6) })).toBe(2)
    expect(await storage.accounts.release({ account, limit: 10, at: minutes(7) })).toBe(0)
    expect(await dueOf(storage, ids)).toEqual([minutes(6), justBefore(6), minutes(5), justBefore(5)])
    expect(await storage.accounts.awaited()).toEqual([])
  })

  it('passes over the first for a probe that is another message, unless there is no other', async () => {
    const { storage } = await migrated()
    const ids = await planSeveral(storage, 2)
    for (const [index, id] of ids.entries()) await waitFor(storage, id, minutes(90 + index))
    expect(await storage.accounts.release({ account, limit: 1, skip: 1, at: minutes(5) })).toBe(1)
    expect(await dueOf(storage, ids)).toEqual([minutes(90), minutes(5)])
    expect(await storage.accounts.release({ account, limit: 1, skip: 1, at: minutes(6) })).toBe(1)
    expect(await dueOf(storage, ids)).toEqual([minutes(6), minutes(5)])
  })

  it('releases what waits of one organization, and leaves the others of a shared account', async () => {
    const { storage } = await migrated()
    const [mine = 0] = await planSeveral(storage, 1)
    await waitFor(storage, mine, minutes(90))
    expect(await storage.accounts.release({ account, organizationId: 'another', limit: 9, at: minutes(5) })).toBe(0)
    expect(await storage.accounts.release({ account, organizationId, limit: 9, at: minutes(5) })).toBe(1)
    expect(await dueOf(storage, [mine])).toEqual([minutes(5)])
  })

  it('leaves alone what is over, or waits for something else by now', async () => {
    const { storage } = await migrated()
    const ids = await planSeveral(storage, 2)
    const [moved = 0, sent = 0] = ids
    for (const id of ids) await waitFor(storage, id, minutes(90))
    await commit(storage, { kind: 'defer', work: reminderWork(moved), decision: about(), until: minutes(70) })
    await commit(storage, { kind: 'cancel', work: reminderWork(sent), decision: about(), rule: 'appointment_gone' })
    expect(await storage.accounts.release({ account, limit: 9, at: minutes(5) })).toBe(2)
    expect(await dueOf(storage, ids)).toEqual([minutes(70), null])
  })

  it('lets a delivery wait whose attempt met the pause, and gives the attempt back', async () => {
    const { storage } = await migrated()
    const held = await claimOne(storage)
    const result = {
      kind: 'retry',
      dueAt: minutes(90),
      code: 'smtp_535',
      message: 'Refused.',
      countAttempt: false,
      unknown: false,
      waitingFor: [account],
    } as const
    const settled = { id: held.id, fence: held.fence, at: t0, result, entries: [], address: null }
    expect(await storage.deliveries.settle([settled])).toEqual([true])
    expect(await storage.accounts.release({ account, limit: 9, at: minutes(5) })).toBe(1)
    const due = await storage.deliveries.due({ now: minutes(5), limit: 10 })
    expect(due.rows).toMatchObject([{ id: held.id, dueAt: minutes(5), attempts: held.attempts - 1, state: 'queued' }])
  })
}
