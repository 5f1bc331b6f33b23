import { expect, it } from 'vitest'
import { type RetentionTable, sharedSender } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { claimOne, client, content, newDelivery, organizationId, patient, planOne, planRow, queue } from './rows.ts'

const sms = { channel: 'SMS', address: '+14155550123' } as const
const hash = (channel: string, address: string) => `hmac:${channel}${address.length}`

const messageTo = (address: string, recipient = patient as typeof patient | typeof client) =>
  newDelivery({ ...content({ recipientAddress: address }), recipient, dedupeKey: null })

/** What a page of ids of an endless list is asked for until it ends. */
async function walked<T extends { readonly id: number }>(read: (after: number) => Promise<readonly T[]>): Promise<T[]> {
  const rows: T[] = []
  for (;;) {
    const page = await read(rows.at(-1)?.id ?? 0)
    if (page.length === 0) return rows
    rows.push(...page)
  }
}

/** A reply of somebody, one of whom nobody knows, an opt-out by the address, and a message in doubt. */
async function heard({ answers, consents }: Store): Promise<void> {
  const reply = { organizationId, about: 'reply', ...sms, candidates: [], notifies: false } as const
  await answers.keepReply({ ...reply, recipient: patient, text: 'late', messageId: 'r1', at: minutes(1) })
  await answers.keepReply({ ...reply, recipient: null, text: 'who', messageId: 'r2', at: minutes(2) })
  const word = { act: 'refused', how: 'text', wording: null, at: minutes(3), by: { kind: 'system', id: null } } as const
  const inbound = {
    accountId: 'a',
    organizationId,
    ...sms,
    deciders: [],
    text: null,
    reply: null,
    handOver: null,
  } as const
  await consents.change({
    ...word,
    people: [{ organizationId, recipient: patient }],
    channels: ['SMS'],
    categories: null,
    addresses: [{ organizationId, ...sms }],
    cause: 'stop',
    code: 'text_stop',
    onlyTaken: false,
    inbound: { ...inbound, messageId: 'm1', meaning: 'stop', at: minutes(3), writtenAt: minutes(3) },
  })
}

export function personal({ migrated }: Starter): void {
  it('finds messages to a person and to an address, those of one instant too, a page at a time', async () => {
    const { storage } = await migrated()
    const to = (address: string, count: number, recipient = patient as typeof patient | typeof client) =>
      Array.from({ length: count }, () => messageTo(address, recipient))
    const rows = await queue(storage, [
      ...to('ada@example.org', 3),
      ...to('bob@example.org', 2),
      ...to('ada@example.org', 1, client),
    ])
    const ids = async (
      read: (after: { createdAt: Date; id: number } | null) => Promise<readonly { id: number; createdAt: Date }[]>,
    ) => {
      const found: number[] = []
      for (let after: { createdAt: Date; id: number } | null = null; ; ) {
        const page = await read(after)
        const last = page.at(-1)
        if (last === undefined) return found
        found.push(...page.map(({ id }) => id))
        after = { createdAt: last.createdAt, id: last.id }
      }
    }
    const own = rows.filter(({ recipient }) => recipient.type === 'PATIENT').map(({ id }) => id)
    const there = rows.filter(({ recipientAddress }) => recipientAddress === 'ada@example.org').map(({ id }) => id)
    const { personal: store } = storage
    expect(await ids((after) => store.messages({ recipient: patient, after, left: true, limit: 2 }))).toEqual(own)
    const address = { channel: 'EMAIL', address: 'ada@example.org' } as const
    expect(await ids((after) => store.messagesTo({ ...address, after, limit: 2 }))).toEqual(there)
    expect(await store.sharedAddresses([address, { channel: 'EMAIL', address: 'bob@example.org' }], patient)).toEqual([
      true,
      false,
    ])
  })

  it('erases what went out with the hash of its address, which goes with time', async () => {
    const { storage } = await migrated()
    const row = await claimed(storage)
    const erased = {
      recipient: patient,
      contactAddresses: [],
      messages: [row],
      appointments: [],
      waitlistEntries: [],
      addresses: [],
      hash,
      at: minutes(5),
    } as const
    expect(await storage.personal.erase(erased)).toMatchObject({ messages: 1 })
    expect(await storage.personal.erase(erased)).toMatchObject({ messages: 0 })
    expect(await storage.deliveries.get(row)).toMatchObject({
      message: '',
      recipientAddress: null,
      erasedAt: minutes(5),
    })
    const complaint = { kind: 'suppressed', cause: 'complaint', code: 'abuse' } as const
    const news = { organizationId, channel: 'EMAIL', address: '', isShared: true, news: complaint } as const
    const report = { id: row, status: 'COMPLAINED', errorCode: null, errorMessage: null, address: news } as const
    await storage.deliveries.recordReceipts([{ ...report, at: minutes(6) }])
    const kept = hash('EMAIL', 'ada@example.org')
    const rows = await storage.addresses.everywhere({ channel: 'EMAIL', address: kept })
    expect(rows.map((one) => [one.organizationId, one.suppression?.cause]).sort()).toEqual([
      [sharedSender, 'complaint'],
      [organizationId, 'complaint'],
    ])
    expect(await storage.personal.purgeHashes(minutes(4), 9)).toBe(0)
    expect([
      await storage.personal.purgeHashes(minutes(5), 9),
      await storage.personal.purgeHashes(minutes(5), 9),
    ]).toEqual([1, 0])
  })

  it('finds what a person answered, wrote and refused, and what came from an address', async () => {
    const { storage } = await migrated()
    await heard(storage)
    const { personal: store } = storage
    expect(await walked((after) => store.answersOf(patient, after, 1))).toMatchObject([{ text: 'late' }])
    expect(await store.answersOf(client, 0, 9)).toEqual([])
    expect(await walked((after) => store.consentsOf(patient, after, 1))).toMatchObject([
      { act: 'refused', recipient: patient },
    ])
    const written = (table: 'inbound' | 'answers') =>
      walked((after) => store.written({ ...sms, table, after, limit: 1 }))
    expect([...(await written('inbound')), ...(await written('answers'))]).toMatchObject([
      { meaning: 'stop', text: null, organizationId },
      { meaning: null, text: 'who', organizationId },
    ])
    const [row] = await storage.addresses.find([{ organizationId, ...sms }])
    expect(await walked((after) => store.consentsBy(row?.id ?? 0, after, 1))).toMatchObject([
      { act: 'refused', recipient: null },
    ])
  })

  it('shows of each row what it holds and since when, and blanks what is over', async () => {
    const { storage } = await migrated()
    await heard(storage)
    const holds = async (table: RetentionTable) =>
      (await walked((after) => storage.personal.aging(table, after, 1))).map((row) => row.holds)
    expect(await holds('answers')).toEqual([
      ['texts', 'addresses'],
      ['texts', 'addresses'],
    ])
    expect(await holds('inbound')).toEqual([['addresses']])
    const month = 31 * 24 * 60
    const before = { texts: minutes(month), addresses: minutes(month) }
    const over = async (table: RetentionTable, at: Date) => {
      const rows = await walked((after) => storage.personal.aging(table, after, 9))
      return storage.personal.retain(rows.map(({ id }) => ({ table, id, before, dryRun: false, at })))
    }
    // Nobody has read them yet.
    expect(await over('answers', minutes(10))).toEqual([[], []])
    expect(await over('answers', minutes(month))).toEqual([
      ['texts', 'addresses'],
      ['texts', 'addresses'],
    ])
    expect(await over('inbound', minutes(month))).toEqual([['addresses']])
    expect([await holds('answers'), await holds('inbound')]).toEqual([[[], []], []])
  })

  it('forgets some of the plans and messages of a recipient', async () => {
    const { storage } = await migrated()
    for (const appointmentId of [100, 101]) await planOne(storage, { plan: planRow({ appointmentId }) })
    const [message] = await queue(storage, [newDelivery()])
    const [first] = await storage.personal.plansOf(patient, 0, 1)
    const part = { plans: [first?.planId ?? 0], messages: [] }
    expect((await storage.plans.forgetRecipient(patient, t0, undefined, part)).cancelled).toMatchObject([
      { appointmentId: first?.appointmentId },
    ])
    expect(await storage.deliveries.get(message?.id ?? 0)).toMatchObject({ state: 'queued' })
    await storage.plans.forgetRecipient(patient, t0, undefined, { plans: [], messages: [message?.id ?? 0] })
    expect(await storage.deliveries.get(message?.id ?? 0)).toMatchObject({ state: 'cancelled' })
    expect((await storage.plans.forgetRecipient(patient, t0)).cancelled).toHaveLength(1)
  })
}

/** A message that is being sent, which may be complained of. */
const claimed = async (storage: Store): Promise<number> => (await claimOne(storage)).id
