import { expect, it } from 'vitest'
import { type ConsentCommand, type ReplyCommand, sharedSender } from '../../../src/index.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { ada, organizationId } from './rows.ts'

const recipient = { type: 'PATIENT', id: 77 } as const
const person = { organizationId, recipient }

const command = (change: Partial<ConsentCommand> = {}): ConsentCommand => ({
  act: 'refused',
  how: 'text',
  wording: null,
  at: t0,
  by: { kind: 'system', id: null },
  people: [person],
  channels: [ada.channel],
  categories: null,
  addresses: [ada],
  cause: 'stop',
  code: 'text_stop',
  onlyTaken: false,
  inbound: null,
  ...change,
})

const message = (messageId: string, text: string | null = null) => ({
  accountId: 'account-sms',
  messageId,
  organizationId,
  channel: ada.channel,
  address: ada.address,
  meaning: 'stop' as const,
  text,
  at: t0,
  writtenAt: t0,
  reply: null,
  handOver: null,
  deciders: text === null ? [] : [organizationId],
})

export function consents({ migrated }: Starter): void {
  it('an opt-out changes address, preferences, record and audit together, and START brings back what it took', async () => {
    const { storage } = await migrated()
    expect(await storage.consents.change(command({ inbound: message('m1') }))).toEqual({
      status: 'changed',
      inFlight: 0,
      isAnswered: false,
    })
    const [off] = await storage.preferences.get([recipient])
    expect(off?.emailEnabled).toBe(false)
    const [row] = await storage.addresses.find([ada])
    expect(row).toMatchObject({ suppression: { cause: 'stop' }, heardAt: t0, taken: [{ ...person, enabled: null }] })
    const records = await storage.consents.records({ organizationId, limit: 10 })
    expect(records).toMatchObject([
      { act: 'refused', how: 'text', recipient: null, channel: ada.channel, addressId: row?.id },
      { act: 'refused', how: 'text', recipient, channel: ada.channel, addressId: row?.id },
    ])
    expect(await storage.consents.records({ organizationId, recipient, limit: 10 })).toEqual(records.slice(1))
    const audit = await storage.audit.list({ organizationId, limit: 10 })
    expect(audit.map(({ action }) => action).toSorted()).toEqual(['address.suppressed', 'preferences.created'])
    const started = command({ act: 'given', onlyTaken: true, at: minutes(5), inbound: message('m2') })
    expect(await storage.consents.change(started)).toMatchObject({ status: 'changed' })
    expect((await storage.preferences.get([recipient]))[0]?.emailEnabled).toBe(null)
    expect((await storage.addresses.find([ada]))[0]).toMatchObject({ suppression: null, taken: [] })
  })

  it('what was given before a later opt-out gives nothing back, to the address nor to the people', async () => {
    const { storage } = await migrated()
    await storage.consents.change(command({ at: minutes(5) }))
    for (const onlyTaken of [true, false]) {
      await storage.consents.change(command({ act: 'given', onlyTaken, at: minutes(4) }))
      expect((await storage.preferences.get([recipient]))[0]?.emailEnabled).toBe(false)
      expect((await storage.addresses.find([ada]))[0]).toMatchObject({
        suppression: { cause: 'stop' },
        taken: [person],
      })
    }
  })

  it('record and audit log name the row of an address that nobody knew', async () => {
    const { storage } = await migrated()
    await storage.consents.change(command({ people: [] }))
    const [row] = await storage.addresses.find([ada])
    const records = await storage.consents.records({ organizationId, limit: 10 })
    expect(records.map(({ addressId }) => addressId)).toEqual([row?.id])
    const audit = await storage.audit.list({ organizationId, limit: 10 })
    expect(audit.map(({ target }) => target)).toEqual([{ type: 'address', id: String(row?.id) }])
  })

  it('what one person gives leaves what the opt-out took from others, and START brings it back', async () => {
    const { storage } = await migrated()
    const sibling = { organizationId, recipient: { type: 'PATIENT', id: 78 } } as const
    await storage.consents.change(command({ people: [person, sibling] }))
    await storage.consents.change(command({ act: 'given', at: minutes(5) }))
    expect((await storage.addresses.find([ada]))[0]).toMatchObject({ suppression: null, taken: [sibling] })
    const start = command({ act: 'given', onlyTaken: true, at: minutes(6), people: [person, sibling] })
    await storage.consents.change(start)
    expect((await storage.preferences.get([sibling.recipient]))[0]?.emailEnabled).toBe(null)
    expect((await storage.addresses.find([ada]))[0]?.taken).toEqual([])
  })

  it('a message that was kept changes nothing again', async () => {
    const { storage } = await migrated()
    const kept = message('m1')
    expect(await storage.consents.isKept(kept)).toBe(false)
    await storage.consents.change(command({ inbound: kept }))
    expect(await storage.consents.isKept(kept)).toBe(true)
    await storage.consents.change(command({ act: 'given', onlyTaken: true, at: minutes(5), inbound: message('m2') }))
    const again = command({ at: minutes(6), inbound: kept })
    expect(await storage.consents.change(again)).toEqual({ status: 'known', inFlight: 0, isAnswered: false })
    expect((await storage.addresses.find([ada]))[0]?.suppression).toBe(null)
  })

  it('what is for people is kept with the message, or neither is', async () => {
    const { storage } = await migrated()
    const handOver: ReplyCommand = {
      ...{ organizationId, recipient, channel: ada.channel, address: ada.address },
      about: 'possible_cancel_request',
      ...{ text: 'CANCEL', messageId: 'm1', candidates: [], notifies: true, at: t0 },
    }
    await storage.consents.change(command({ inbound: { ...message('m1'), handOver } }))
    await storage.consents.change(command({ inbound: { ...message('m1'), handOver } }))
    const answers = await storage.answers.list({ organizationId, isOpen: true, limit: 10 })
    expect(answers).toMatchObject([{ kind: 'possible_cancel_request', text: 'CANCEL', dueAt: t0 }])
  })

  it('a refusal is confirmed once, HELP answered once an hour, and nothing to whom nothing is sent', async () => {
    const { storage } = await migrated()
    const said = async (
      minute: number,
      reply: 'stopped' | 'started' | 'help',
      change: Partial<ConsentCommand> = {},
    ) => {
      const at = minutes(minute)
      const inbound = { ...message(`m${minute}`), reply, at, writtenAt: at }
      return (await storage.consents.change(command({ at, inbound, ...change }))).isAnswered
    }
    const help = { act: null, people: [], addresses: [] } as const
    const start = { act: 'given', onlyTaken: true } as const
    expect(await said(0, 'help', help)).toBe(true)
    expect(await said(30, 'help', help)).toBe(false)
    expect(await said(61, 'help', help)).toBe(true)
    expect(await said(62, 'stopped')).toBe(true)
    expect(await said(63, 'stopped')).toBe(false)
    expect(await said(130, 'stopped')).toBe(false)
    expect(await said(131, 'help', help)).toBe(false)
    expect(await said(132, 'started', start)).toBe(true)
    expect(await said(133, 'stopped')).toBe(true)
    expect(await said(134, 'started', start)).toBe(false)
    expect((await storage.addresses.find([ada]))[0]?.answered).toEqual({
      help: minutes(61),
      stopped: minutes(133),
      started: minutes(132),
    })
  })

  it('a START keeps what it took of whom nobody knows whether they have the address still', async () => {
    const { storage } = await migrated()
    await storage.consents.change(command())
    const start = command({ act: 'given', onlyTaken: true, at: minutes(5), people: [], unsure: [person] })
    await storage.consents.change(start)
    expect((await storage.addresses.find([ada]))[0]).toMatchObject({ suppression: null, taken: [person] })
    expect((await storage.preferences.get([recipient]))[0]?.emailEnabled).toBe(false)
  })

  it('a person is heard when they wrote, also where that is reported after what they wrote since', async () => {
    const { storage } = await migrated()
    for (const [minute, writtenAt] of [
      [10, 8],
      [11, 3],
    ] as const) {
      const inbound = { ...message(`m${minute}`), at: minutes(minute), writtenAt: minutes(writtenAt) }
      await storage.consents.change(command({ act: null, people: [], addresses: [], inbound }))
    }
    expect((await storage.addresses.find([ada]))[0]?.heardAt).toEqual(minutes(8))
  })

  it('what is in doubt is listed until it is decided, once', async () => {
    const { storage } = await migrated()
    const doubt = command({ act: 'doubted', people: [], inbound: { ...message('m1', 'I stop by'), meaning: 'doubt' } })
    await storage.consents.change(doubt)
    expect((await storage.addresses.find([ada]))[0]?.suppression?.cause).toBe('doubt')
    const [open] = await storage.consents.doubts({ organizationId, limit: 10 })
    expect(open).toMatchObject({ text: 'I stop by', address: ada.address, decidedAt: null })
    const id = open?.id ?? 0
    const cleared = command({ act: 'cleared', how: 'staff', people: [], at: minutes(1) })
    expect(await storage.consents.change(cleared)).toMatchObject({ status: 'changed' })
    expect(await storage.consents.change(cleared)).toMatchObject({ status: 'unchanged' })
    expect(await storage.consents.doubts({ organizationId, limit: 10 })).toEqual([])
    expect(await storage.consents.message(id)).toMatchObject({ decidedAt: minutes(1) })
    expect((await storage.addresses.find([ada]))[0]?.suppression).toBe(null)
  })

  it('the shared sender is silenced and opened by itself, and each organization has the record', async () => {
    const { storage } = await migrated()
    const shared = { ...ada, organizationId: sharedSender }
    await storage.consents.change(command({ addresses: [shared] }))
    expect((await storage.addresses.find([shared]))[0]?.suppression?.cause).toBe('stop')
    expect(await storage.addresses.find([ada])).toEqual([])
    expect(await storage.consents.records({ organizationId, limit: 10 })).toHaveLength(2)
    await storage.consents.change(command({ act: 'given', onlyTaken: true, at: minutes(5), addresses: [shared, ada] }))
    expect((await storage.addresses.find([shared]))[0]?.suppression).toBe(null)
  })
}
