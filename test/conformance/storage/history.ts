import { expect, it } from 'vitest'
import type { DeliveryQuery } from '../../../src/index.ts'
import { minutes, type Starter } from './harness.ts'
import { claimOne, client, newDelivery, organizationId, patient, queue, settleCommand } from './rows.ts'

const everything = { limit: 100, offset: 0 } as const

export function history({ migrated }: Starter): void {
  it('lists newest first, by creation and id', async () => {
    const { storage } = await migrated()
    const notice = newDelivery({ category: 'WAITLIST' })
    const order = [
      ...(await queue(storage, [notice, notice], minutes(2))),
      ...(await queue(storage, [notice], minutes(1))),
      ...(await queue(storage, [notice], minutes(3))),
    ].map((row) => row.id)
    const { rows, total } = await storage.deliveries.list(everything)
    expect(rows.map((row) => row.id)).toEqual([order[3], order[1], order[0], order[2]])
    expect(total).toBe(4)
  })

  it('filters by every field, alone and together', async () => {
    const { storage } = await migrated()
    const sent = await claimOne(storage)
    await storage.deliveries.settle([settleCommand(sent)])
    await queue(storage, [newDelivery({ channel: 'SMS' })], minutes(10))
    await queue(
      storage,
      [newDelivery({ recipient: client, category: 'WAITLIST', waitlistEntryId: 7, appointmentId: null })],
      minutes(20),
    )
    await queue(
      storage,
      [
        newDelivery({
          organizationId: 'another-organization',
          appointmentId: 101,
          recipientEmail: 'Eve@example.org',
          recipientAddress: 'eve@example.org',
          recipient: { type: 'PRACTITIONER', id: 3 },
        }),
      ],
      minutes(30),
    )
    const total = async (query: Partial<DeliveryQuery>) => {
      const page = await storage.deliveries.list({ ...everything, ...query })
      expect(page.rows).toHaveLength(page.total)
      return page.total
    }
    expect(await total({})).toBe(4)
    expect(await total({ organizationId })).toBe(3)
    expect(await total({ recipientType: 'PATIENT', recipientId: 12 })).toBe(2)
    expect(await total({ recipientType: 'CLIENT', recipientId: 12 })).toBe(1)
    expect(await total({ recipientId: 12 })).toBe(3)
    expect(await total({ recipientType: 'NOBODY' })).toBe(0)
    expect(await total({ appointmentId: 100 })).toBe(2)
    expect(await total({ waitlistEntryId: 7 })).toBe(1)
    expect(await total({ channel: 'SMS' })).toBe(1)
    expect(await total({ recipientAddress: 'eve@example.org' })).toBe(1)
    expect(await total({ recipientAddress: 'eve@example.org', organizationId })).toBe(0)
    expect(await total({ recipientAddress: 'ada@example.org', organizationId })).toBe(3)
    expect(await total({ recipientAddress: 'ada@example.org', state: 'queued', channel: 'SMS' })).toBe(1)
    expect(await total({ recipientAddress: 'ada@example.org', recipientType: 'CLIENT', recipientId: 12 })).toBe(1)
    expect(await total({ recipientAddress: 'ada@example.org', from: minutes(10) })).toBe(2)
    expect(await total({ recipientAddress: 'Ada@example.org' })).toBe(0)
    expect(await total({ category: 'CONFIRMATION' })).toBe(2)
    expect(await total({ status: 'SENT' })).toBe(1)
    expect(await total({ state: 'queued' })).toBe(3)
    expect(await total({ state: 'settled', status: 'FAILED' })).toBe(0)
    expect(await total({ from: minutes(10), to: minutes(20) })).toBe(2)
    expect(await total({ from: minutes(10.01) })).toBe(2)
    expect(await total({ to: minutes(9.99) })).toBe(1)
    expect(
      await total({
        organizationId,
        recipientType: 'PATIENT',
        recipientId: 12,
        channel: 'EMAIL',
        category: 'REMINDER',
        status: 'SENT',
        state: 'settled',
      }),
    ).toBe(1)
  })

  it('lists what is being sent beside what is queued and what is settled', async () => {
    const { storage } = await migrated()
    const sending = await claimOne(storage)
    const [queued] = await queue(storage, [newDelivery({ category: 'WAITLIST' })], minutes(2))
    const idsOf = async (query: Partial<DeliveryQuery>) =>
      (await storage.deliveries.list({ ...everything, ...query })).rows.map((row) => row.id)
    expect(await idsOf({})).toEqual([queued?.id, sending.id])
    expect(await idsOf({ organizationId })).toEqual([queued?.id, sending.id])
    const { channel, category } = sending
    expect(await idsOf({ state: 'sending' })).toEqual([sending.id])
    expect(await idsOf({ organizationId, state: 'sending', channel, category })).toEqual([sending.id])
    expect(await idsOf({ organizationId, category })).toEqual([sending.id])
    expect(await idsOf({ organizationId: 'another-organization', state: 'sending' })).toEqual([])
    expect(await idsOf({ state: 'sending', category: 'WAITLIST' })).toEqual([])
    expect(await idsOf({ state: 'sending', status: 'SENT' })).toEqual([])
    await storage.deliveries.settle([settleCommand(sending)])
    expect(await idsOf({ state: 'sending' })).toEqual([])
    expect(await idsOf({ status: 'SENT' })).toEqual([sending.id])
  })

  it('pages by offset with the total of all pages', async () => {
    const { storage } = await migrated()
    const notice = newDelivery({ category: 'WAITLIST' })
    await queue(
      storage,
      Array.from({ length: 7 }, () => notice),
    )
    const page = await storage.deliveries.list({ limit: 3, offset: 6 })
    expect({ rows: page.rows.length, total: page.total }).toEqual({ rows: 1, total: 7 })
    expect(await storage.deliveries.list({ limit: 3, offset: 70 })).toEqual({ rows: [], total: 7, totalIsExact: true })
  })

  it('pages by cursor without a gap or a repeat while rows arrive', async () => {
    const { storage } = await migrated()
    const notice = newDelivery({ category: 'WAITLIST' })
    const ids: number[] = []
    for (const at of [1, 1, 2, 2, 2, 3, 4])
      ids.push(...(await queue(storage, [notice], minutes(at))).map((row) => row.id))
    const seen: number[] = []
    let after: DeliveryQuery['after']
    for (;;) {
      const { rows } = await storage.deliveries.list({ limit: 2, offset: 0, ...(after === undefined ? {} : { after }) })
      const last = rows.at(-1)
      if (last === undefined) break
      seen.push(...rows.map((row) => row.id))
      after = { createdAt: last.createdAt, id: last.id }
      await queue(storage, [notice], minutes(50 + seen.length))
    }
    expect(seen).toEqual([...ids].reverse())
    expect(patient.id).toBe(12)
  })
}
