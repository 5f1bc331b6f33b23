import { expect, it } from 'vitest'
import {
  type AddressNews,
  type AddressRow,
  type DeliveryRow,
  type LiftCommand,
  sharedSender,
} from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import {
  ada,
  addressReport,
  commit,
  failure,
  guard,
  organizationId,
  planOne,
  planRow,
  reminderWork,
  sendIntent,
  settleCommand,
  took,
} from './rows.ts'

const hour = 60
const shared = { ...ada, organizationId: sharedSender }
const stop = { kind: 'suppressed', cause: 'stop', code: 'twilio_21610' } as const
const nobody = { kind: 'suppressed', cause: 'invalid', code: 'smtp_5.1.1' } as const
const clerk = { kind: 'staff', id: 7 } as const
const consent = { givenBy: 'the patient', how: 'by phone', at: minutes(90) }

/** Appointments of their own, so that each attempt is one. */
let appointments = 500

/** A message to the address, being sent. */
async function claim(storage: Store): Promise<DeliveryRow> {
  appointments += 1
  const plan = planRow({ appointmentId: appointments })
  const intent = sendIntent(reminderWork(await planOne(storage, { plan })), {
    guard: guard({ plan: { organizationId, appointmentId: appointments, revision: 1 } }),
  })
  const delivery = await commit(storage, intent)
  if (delivery === null) throw new Error('expected the claim to win')
  return delivery
}

/** An attempt to the address that ends with this news. */
async function attempt(storage: Store, news: AddressNews, at = t0, isShared = false): Promise<void> {
  const result = news.kind === 'worked' ? undefined : ({ kind: 'failed', ...failure } as const)
  const address = addressReport(news, { isShared })
  await storage.deliveries.settle([settleCommand(await claim(storage), result, { address, at })])
}

const only = async (storage: Store, ref = ada): Promise<AddressRow | undefined> => {
  const rows = await storage.addresses.find([ref])
  expect(rows.length).toBeLessThan(2)
  return rows[0]
}
const lift = (change: Partial<LiftCommand> = {}): LiftCommand => ({
  ...ada,
  isShared: false,
  consent: null,
  at: minutes(2 * hour),
  by: clerk,
  ...change,
})

export function addresses({ migrated }: Starter): void {
  it('the record of an opt-out that a provider reports names the row of an address that nobody knew', async () => {
    const { storage } = await migrated()
    await attempt(storage, stop)
    const records = await storage.consents.records({ organizationId, limit: 10 })
    expect(records.map(({ addressId }) => addressId)).toEqual([(await only(storage))?.id])
  })

  it('so does the record of one that comes together with the first message that arrived there', async () => {
    const { storage } = await migrated()
    const [arrived, refused] = [await claim(storage), await claim(storage)]
    await storage.deliveries.settle([
      settleCommand(arrived, undefined, { address: addressReport({ kind: 'worked' }) }),
      settleCommand(refused, { kind: 'failed', ...failure }, { address: addressReport(stop) }),
    ])
    const row = await only(storage)
    expect(row).toMatchObject({ lastWorkedAt: minutes(1), suppression: { cause: 'stop' } })
    const records = await storage.consents.records({ organizationId, limit: 10 })
    expect(records.map(({ addressId }) => addressId)).toEqual([row?.id])
  })

  it('keeps what is said of an address for its organization and channel alone', async () => {
    const { storage } = await migrated()
    await attempt(storage, stop)
    expect(await only(storage)).toMatchObject({
      ...ada,
      suppression: { cause: 'stop', since: t0, code: 'twilio_21610' },
      lastWorkedAt: null,
      liftedAt: null,
      provenAt: null,
    })
    const others = [
      { ...ada, channel: 'SMS' },
      { ...ada, organizationId: 'another-organization' },
      { ...ada, address: 'else@example.org' },
      shared,
    ] as const
    expect(await storage.addresses.find(others)).toEqual([])
    expect(await storage.addresses.find([])).toEqual([])
    expect((await storage.addresses.find([...others, ada])).map(({ address }) => address)).toEqual([ada.address])
  })

  it('keeps bad news of a shared sender for everybody who sends by it, too', async () => {
    const { storage } = await migrated()
    await attempt(storage, stop, t0, true)
    const suppression = { cause: 'stop', since: t0, code: 'twilio_21610' }
    expect(await only(storage)).toMatchObject({ suppression })
    expect(await only(storage, shared)).toMatchObject({ suppression })
  })

  it('knows when an address last worked, to the hour, and forgets the doubt before', async () => {
    const { storage } = await migrated()
    await attempt(storage, { kind: 'doubted' }, t0, true)
    expect(await only(storage)).toMatchObject({ unknownSince: t0, suppression: null, lastWorkedAt: null })
    await attempt(storage, { kind: 'doubted' }, minutes(5), true)
    expect(await only(storage, shared)).toMatchObject({ unknownSince: t0 })
    await attempt(storage, { kind: 'worked' }, minutes(10), true)
    expect(await only(storage)).toMatchObject({ unknownSince: null, lastWorkedAt: minutes(10) })
    expect(await only(storage, shared)).toMatchObject({ unknownSince: null })
    await attempt(storage, { kind: 'worked' }, minutes(10 + hour - 1))
    expect(await only(storage)).toMatchObject({ lastWorkedAt: minutes(10) })
    await attempt(storage, { kind: 'worked' }, minutes(10 + hour))
    expect(await only(storage)).toMatchObject({ lastWorkedAt: minutes(10 + hour) })
  })

  it('knows that an address worked by the report of a provider, too', async () => {
    const { storage } = await migrated()
    const held = await claim(storage)
    await storage.deliveries.settle([settleCommand(held, { kind: 'unknown', ...failure })])
    const report = { id: held.id, errorCode: null, errorMessage: null }
    await took(storage, { ...report, status: 'BOUNCED', at: minutes(2) })
    expect(await only(storage)).toBeUndefined()
    const other = await claim(storage)
    await took(storage, { ...report, id: other.id, status: 'DELIVERED', at: minutes(3) })
    expect(await only(storage)).toMatchObject({ lastWorkedAt: minutes(3) })
  })

  it('says nothing of a shared sender where an address only worked', async () => {
    const { storage } = await migrated()
    await attempt(storage, { kind: 'worked' }, t0, true)
    expect(await only(storage)).toMatchObject({ lastWorkedAt: t0 })
    expect(await only(storage, shared)).toBeUndefined()
  })

  it("lets the person's word stand over a failure, and no failure over the person's word", async () => {
    const { storage } = await migrated()
    await attempt(storage, nobody, t0)
    await attempt(storage, nobody, minutes(1))
    expect((await only(storage))?.suppression).toEqual({ cause: 'invalid', since: t0, code: 'smtp_5.1.1' })
    await attempt(storage, stop, minutes(2))
    await attempt(storage, nobody, minutes(3))
    expect((await only(storage))?.suppression).toEqual({ cause: 'stop', since: minutes(2), code: 'twilio_21610' })
    const told = await storage.audit.list({ organizationId, action: 'address.suppressed', limit: 10 })
    expect(told.map(({ detail }) => detail.cause)).toEqual(['stop', 'invalid'])
  })

  it('lifts what a failure set, audited, and has the organization planned again', async () => {
    const { storage } = await migrated()
    await attempt(storage, nobody)
    expect(await storage.addresses.lift(lift())).toEqual({ status: 'lifted' })
    const row = await only(storage)
    expect(row).toMatchObject({ suppression: null, unknownSince: null, liftedAt: minutes(2 * hour) })
    expect(await storage.plans.nextReplanPage(t0, 10)).not.toBeNull()
    const [told] = await storage.audit.list({ organizationId, action: 'address.lifted', limit: 10 })
    expect(told).toMatchObject({
      actor: clerk,
      target: { type: 'address', id: String(row?.id) },
      detail: { channel: 'EMAIL', cause: 'invalid' },
    })
    expect(await storage.addresses.lift(lift())).toEqual({ status: 'untouched' })
    expect(await storage.audit.list({ organizationId, action: 'address.lifted', limit: 10 })).toHaveLength(1)
  })

  it('lifts what the person set by a later consent only, which is recorded', async () => {
    const { storage } = await migrated()
    await attempt(storage, stop, minutes(60))
    const suppression = { cause: 'stop', since: minutes(60), code: 'twilio_21610' }
    expect(await storage.addresses.lift(lift())).toEqual({ status: 'refused', suppression })
    const before = { ...consent, at: minutes(59) }
    expect(await storage.addresses.lift(lift({ consent: before }))).toEqual({ status: 'refused', suppression })
    expect((await only(storage))?.suppression).toEqual(suppression)
    expect(await storage.addresses.lift(lift({ consent }))).toEqual({ status: 'lifted' })
    const [told] = await storage.audit.list({ organizationId, action: 'address.lifted', limit: 10 })
    expect(told?.detail).toEqual({ channel: 'EMAIL', cause: 'stop', consent })
  })

  it('lifts what a shared sender says for one organization alone, until something new is said', async () => {
    const { storage } = await migrated()
    await attempt(storage, stop, minutes(60), true)
    const other = { ...ada, organizationId: 'another-organization', isShared: true } as const
    expect(await storage.addresses.lift(lift(other))).toMatchObject({ status: 'refused' })
    expect(await storage.addresses.lift(lift({ ...other, consent }))).toEqual({ status: 'lifted' })
    expect(await storage.addresses.lift(lift({ ...other, consent }))).toEqual({ status: 'untouched' })
    expect((await only(storage))?.suppression).toMatchObject({ cause: 'stop' })
    expect((await only(storage, shared))?.suppression).toMatchObject({ cause: 'stop' })
    // That messages fail is no second word of the person.
    await attempt(storage, nobody, minutes(3 * hour), true)
    expect(await storage.addresses.lift(lift({ ...other, consent }))).toEqual({ status: 'untouched' })
    await attempt(storage, stop, minutes(4 * hour), true)
    const suppression = { cause: 'stop', since: minutes(4 * hour) }
    expect(await storage.addresses.lift(lift({ ...other, consent }))).toMatchObject({
      status: 'refused',
      suppression,
    })
  })

  it('asks for a consent later than the last word of the person, who opted out twice', async () => {
    const { storage } = await migrated()
    await attempt(storage, stop, minutes(60))
    const again = { ...ada, isShared: false, cause: 'complaint', code: 'spam', at: minutes(2 * hour) } as const
    expect(await storage.addresses.suppress(again)).toBe(false)
    const suppression = { cause: 'complaint', since: minutes(2 * hour), code: 'spam' }
    expect(await storage.addresses.lift(lift({ consent }))).toEqual({ status: 'refused', suppression })
    const later = { ...consent, at: minutes(2 * hour) }
    expect(await storage.addresses.lift(lift({ consent: later }))).toEqual({ status: 'lifted' })
  })

  it('binds an organization again by a failure that a shared sender reports after it lifted one', async () => {
    const { storage } = await migrated()
    const other = { ...ada, organizationId: 'another-organization', isShared: true } as const
    await attempt(storage, nobody, t0, true)
    expect(await storage.addresses.lift(lift(other))).toEqual({ status: 'lifted' })
    expect(await storage.addresses.lift(lift(other))).toEqual({ status: 'untouched' })
    await attempt(storage, nobody, minutes(3 * hour), true)
    expect(await storage.addresses.lift(lift({ ...other, at: minutes(4 * hour) }))).toEqual({ status: 'lifted' })
  })

  it('lifts nothing of what the person said to a shared sender with a failure of its own account', async () => {
    const { storage } = await migrated()
    const other = { ...ada, organizationId: 'another-organization' }
    await storage.addresses.suppress({ ...ada, isShared: true, cause: 'stop', code: 'x', at: minutes(60) })
    const own = { ...other, isShared: false, code: 'x', at: minutes(61) } as const
    const byShared = { ...other, isShared: true }
    const suppression = { cause: 'stop', since: minutes(60), code: 'x' }
    await storage.addresses.suppress({ ...own, cause: 'failure' })
    expect(await storage.addresses.lift(lift(own))).toEqual({ status: 'lifted' })
    expect(await storage.addresses.lift(lift(byShared))).toEqual({ status: 'refused', suppression })
    // A consent that answers both takes back both.
    await storage.addresses.suppress({ ...own, cause: 'stop', at: minutes(62) })
    const later = { ...consent, at: minutes(100) }
    expect(await storage.addresses.lift(lift({ ...own, at: minutes(2 * hour), consent: later }))).toEqual({
      status: 'lifted',
    })
    expect(await storage.addresses.lift(lift(byShared))).toEqual({ status: 'untouched' })
  })

  it('suppresses by request, and says whether that is news', async () => {
    const { storage } = await migrated()
    const command = { ...ada, isShared: false, cause: 'complaint', code: 'recorded', at: t0, by: clerk } as const
    expect(await storage.addresses.suppress(command)).toBe(true)
    expect(await storage.addresses.suppress({ ...command, at: minutes(1) })).toBe(false)
    const row = await only(storage)
    expect(row?.suppression).toEqual({ cause: 'complaint', since: minutes(1), code: 'recorded' })
    const told = await storage.audit.list({ organizationId, limit: 10 })
    expect(told).toMatchObject([
      { actor: clerk, action: 'address.suppressed', target: { type: 'address', id: String(row?.id) } },
    ])
  })

  it('remembers that the person was proven to have the address', async () => {
    const { storage } = await migrated()
    await storage.addresses.prove(ada, t0, clerk)
    await attempt(storage, { kind: 'worked' }, minutes(1))
    expect(await only(storage)).toMatchObject({ provenAt: t0, lastWorkedAt: minutes(1) })
  })

  it('lists the suppressed ones of an organization, newest first, in pages and by channel', async () => {
    const { storage } = await migrated()
    const command = { isShared: false, cause: 'stop', code: 'recorded', at: t0 } as const
    for (const index of [1, 2, 3]) {
      await storage.addresses.suppress({ ...command, ...ada, address: `${index}@example.org` })
    }
    await storage.addresses.suppress({ ...command, ...ada, channel: 'SMS', address: '+14155550100' })
    await storage.addresses.suppress({ ...command, ...ada, organizationId: 'another-organization' })
    await attempt(storage, { kind: 'worked' })
    const list = async (query: { limit?: number; before?: number; channel?: 'EMAIL' | 'SMS' } = {}) =>
      storage.addresses.suppressed({ organizationId, limit: 10, ...query })
    const all = await list()
    expect(all.map(({ address }) => address)).toEqual([
      '+14155550100',
      '3@example.org',
      '2@example.org',
      '1@example.org',
    ])
    expect((await list({ channel: 'EMAIL', limit: 2 })).map(({ address }) => address)).toEqual([
      '3@example.org',
      '2@example.org',
    ])
    expect((await list({ before: all[2]?.id ?? 0 })).map(({ address }) => address)).toEqual(['1@example.org'])
  })

  it('defeats an intent to an address that was suppressed since it was read', async () => {
    const { storage } = await migrated()
    const intent = async (isShared: boolean) => {
      appointments += 1
      const work = reminderWork(await planOne(storage, { plan: planRow({ appointmentId: appointments }) }))
      const address = { ...ada, organizationId, isShared }
      return sendIntent(work, {
        guard: guard({ plan: { organizationId, appointmentId: appointments, revision: 1 }, address }),
      })
    }
    const [fine, late] = [await intent(false), await intent(false)]
    const statusOf = async (command: Awaited<ReturnType<typeof intent>>) =>
      (await storage.deliveries.commitIntents([command], t0))[0]?.status
    expect(await statusOf(fine)).toBe('committed')
    const ofOther = { ...ada, organizationId: 'another-organization', cause: 'stop', code: 'x', at: t0 } as const
    await storage.addresses.suppress({ ...ofOther, isShared: true })
    expect(await statusOf(await intent(true))).toBe('lost')
    expect(await statusOf(late)).toBe('committed')
    await storage.addresses.suppress({ ...ofOther, organizationId, isShared: false })
    expect(await statusOf(await intent(false))).toBe('lost')
  })

  it('keeps no news of an attempt whose result comes too late', async () => {
    const { storage } = await migrated()
    const held = await claim(storage)
    const stale = { ...held, fence: held.fence - 1 }
    const address = addressReport(stop)
    await storage.deliveries.settle([settleCommand(stale, { kind: 'failed', ...failure }, { address })])
    expect(await only(storage)).toBeUndefined()
  })
}
