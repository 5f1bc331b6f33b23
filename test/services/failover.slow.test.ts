/** Which account sends where the one before it cannot, and when it is used again. */
import { afterEach, describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { type NotificationsOptions, type OrganizationSettingsInput, TransportError } from '../../src/index.ts'
import { temporaryFile } from '../adapters/storage/sqlite/fixture.ts'
import { accountsOf, type LineOptions, openLine } from '../delivery/line.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { ManualClock } from '../support/manual-clock.ts'

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

const now = '2026-03-18T12:00:00Z'
const phoneOf = (id: number) => `+1415555${1000 + id}`

/** What a provider never answers is given up when the time that is left to it has passed. */
async function stopped(clinic: { stop(): Promise<unknown> }, clock: ManualClock) {
  const end = clinic.stop()
  await clock.advance(15_000)
  await end
}

type Options = LineOptions & { readonly path?: string } & Partial<Pick<NotificationsOptions, 'sendCap' | 'storage'>>

async function openWith(settings: OrganizationSettingsInput, options: Options = {}) {
  const { path, sendCap, storage: own, ...lineOptions } = options
  const clock = new ManualClock(now)
  const line = openLine(clock, lineOptions)
  const storage = path === undefined ? (own === undefined ? {} : { storage: own }) : { storage: sqlite(path) }
  const cap = sendCap === undefined ? {} : { sendCap }
  const clinic = await openClinic(now, { clock, transports: [line.transport], ...storage, ...cap })
  open.push(() => stopped(clinic, clock))
  await clinic.settings.createOrganizationSettings(organizationId, settings)
  await clinic.start()
  const send = async (ids: readonly number[], phone: (id: number) => string = phoneOf) => {
    for (const id of ids) {
      const recipients = [{ ...ada, id, email: null, phone: phone(id) }]
      clinic.host.book({ id, startsAt: '2026-03-20T15:00:00Z', recipients })
      await clinic.notifications.sendAppointmentNotification(id, { category: 'CONFIRMATION', channel: 'SMS' })
      await clinic.settle()
    }
  }
  const rules = async (id: number) =>
    (await clinic.notifications.explain(id))
      .filter(({ action }) => ['queued', 'send', 'retried', 'deferred'].includes(action))
      .map(({ action, rule, detail = null }) => [action, rule, detail] as const)
  return {
    ...clinic,
    clock,
    line,
    send,
    rules,
    tried: () => line.attempts.map(({ account }) => account),
    warnings: (words: string) => clinic.log.lines.filter((text) => text.includes(words)),
    history: async () => (await clinic.notifications.history({ state: 'all' })).notifications,
    sms: async () => (await clinic.settings.effectiveSettings(organizationId)).channels.SMS,
  }
}

describe('an account that is refused', () => {
  it('leaves its messages to the next one at once, which costs them no attempt and is explained', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([1, 2])
    expect(clinic.tried()).toEqual(['a', 'b', 'b'])
    expect(await clinic.history()).toMatchObject([
      { status: 'SENT', attempts: 1 },
      { status: 'SENT', attempts: 1 },
    ])
    const [first = ''] = (await clinic.sms()).accounts.map(({ accountId }) => accountId ?? '')
    const instead = `${first}: line_refused`
    expect(await clinic.rules(1)).toEqual([
      ['queued', 'asked_for', null],
      ['send', 'allowed', null],
      ['retried', 'next_account', 'line_refused'],
      ['send', 'next_account', instead],
    ])
    expect((await clinic.rules(2)).slice(1)).toEqual([['send', 'next_account', instead]])
    expect(clinic.warnings('account paused: due messages go by another account')).toHaveLength(1)
    expect(await clinic.sms()).toMatchObject({ fault: null, accounts: [{ fault: 'account_paused' }, { fault: null }] })
  })

  it('is tried by one message at a time, and has its traffic back after the first that gets through', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([1])
    await clinic.clock.advance(5000)
    await clinic.send([2, 3])
    expect(clinic.tried().slice(2)).toEqual(['a', 'b', 'b'])
    clinic.line.moods.delete('a')
    await clinic.clock.advance(60_000)
    await clinic.send([4, 5])
    expect(clinic.tried().slice(5)).toEqual(['a', 'a'])
    expect(new Set(clinic.line.received().map(({ key }) => key)).size).toBe(5)
    expect(clinic.line.received()).toHaveLength(5)
  })

  it('has messages wait where all are, and the first that works again sends them', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'refuses').set('b', 'refuses')
    await clinic.send([1])
    expect(clinic.tried()).toEqual(['a', 'b'])
    expect((await clinic.rules(1)).at(-1)).toEqual(['deferred', 'account_paused', 'line_refused'])
    clinic.line.moods.delete('b')
    await clinic.clock.advance(20_000)
    expect(clinic.line.received()).toMatchObject([{ account: 'b' }])
    expect(await clinic.history()).toMatchObject([{ status: 'SENT', attempts: 1 }])
  })

  it('counts for the daily cap of its organization no more than any other', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']), { sendCap: { perDay: 2 } })
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([1, 2, 3])
    expect(clinic.tried()).toEqual(['a', 'b', 'b'])
  })

  const added = { channels: accountsOf(['a', 'b']).channels }
  const many = Array.from({ length: 20 }, (_, index) => index + 1)

  it('is not waited for any more by what another one can send that was added', async () => {
    const clinic = await openWith(accountsOf(['a']))
    clinic.line.moods.set('a', 'refuses')
    await clinic.send(many)
    expect(clinic.tried()).toEqual(['a'])
    await clinic.settings.updateOrganizationSettings(organizationId, added)
    await clinic.clock.advance(1000)
    expect(clinic.line.received().map(({ account }) => account)).toEqual(many.map(() => 'b'))
  })

  it('is not waited for any more by what another one can send that was added in another process', async () => {
    const { path, remove } = await temporaryFile()
    open.push(remove)
    const clinic = await openWith(accountsOf(['a']), { path })
    clinic.line.moods.set('a', 'refuses')
    await clinic.send(many)
    const parts = { clock: clinic.clock, directory: clinic.host, storage: sqlite(path) }
    const other = await openClinic(now, { ...parts, transports: [openLine(clinic.clock).transport] })
    open.push(() => stopped(other, clinic.clock))
    await other.settings.updateOrganizationSettings(organizationId, added)
    await clinic.clock.advance(40_000)
    expect(clinic.line.received().map(({ account }) => account)).toEqual(many.map(() => 'b'))
  })

  it('is waited for without a look again and again by what only it may send', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'drops')
    await clinic.send([1])
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([2])
    await clinic.clock.advance(3_600_000)
    // It is the one that tries the account, about once a minute.
    expect((await clinic.rules(1)).length).toBeLessThan(200)
    expect(clinic.line.attempts.filter(({ account }) => account === 'b')).toHaveLength(1)
  })

  it('is known to the other processes', async () => {
    const { path, remove } = await temporaryFile()
    open.push(remove)
    const first = await openWith(accountsOf(['a', 'b']), { path })
    first.line.moods.set('a', 'refuses')
    await first.send([1])
    const line = openLine(first.clock)
    line.moods.set('a', 'refuses')
    const parts = { clock: first.clock, directory: first.host, storage: sqlite(path), transports: [line.transport] }
    const second = await openClinic(now, parts)
    open.push(() => stopped(second, first.clock))
    await first.stop()
    await second.start()
    first.host.book({ id: 2, startsAt: '2026-03-20T15:00:00Z', recipients: [{ ...ada, email: null }] })
    await second.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION', channel: 'SMS' })
    await second.settle()
    expect(line.attempts).toMatchObject([{ account: 'b', isReceived: true }])
  })

  it('of a sender towards a country, is passed over for that country alone', async () => {
    const refuse = ({ to }: { readonly to: string }, account: string) =>
      account === 'a' && to.startsWith('+44')
        ? new TransportError('No.', { outcome: 'transient', scope: 'sender', destination: '+44', code: 'line_country' })
        : null
    const clinic = await openWith(accountsOf(['a', 'b']), { refuse })
    await clinic.send([1, 2], () => '+447400123456')
    await clinic.send([3])
    expect(clinic.tried()).toEqual(['a', 'b', 'b', 'a'])
    expect(await clinic.history()).toMatchObject([{ attempts: 1 }, { attempts: 1 }, { attempts: 1 }])
  })

  it('is looked at again a moment later, and not all the time, where its recovery cannot be written', async () => {
    const { path, remove } = await temporaryFile()
    open.push(remove)
    const storage = sqlite(path)
    let tries = 0
    const recover = async () => {
      tries += 1
      throw new Error('the disk is full')
    }
    const accounts = { ...storage.accounts, recover }
    const clinic = await openWith(accountsOf(['a'], {}, { perDay: 1 }), { storage: { ...storage, accounts } })
    await clinic.send([1, 2])
    await clinic.clock.advanceTo('2026-03-19T00:00:10Z')
    expect(tries).toBeGreaterThan(5)
    expect(tries).toBeLessThan(20)
  })

  it('that sent as much as it may today, leaves the rest to the next', async () => {
    const clinic = await openWith(accountsOf(['a', 'b'], {}, { perDay: 2 }))
    await clinic.send([1, 2, 3, 4])
    expect(clinic.tried()).toEqual(['a', 'a', 'b', 'b'])
  })
})

describe('what is about the person or the message', () => {
  it.each([
    ['an opt-out', { outcome: 'suppressed', code: 'line_stop' }],
    ['an invalid address', { outcome: 'permanent', code: 'line_invalid', addressUnknown: true }],
    ['a text that is refused', { outcome: 'permanent', code: 'line_text' }],
  ] as const)('goes by no other account: %s', async (_, failure) => {
    const refuse = () => new TransportError('No.', failure)
    const clinic = await openWith(accountsOf(['a', 'b']), { refuse })
    await clinic.send([1])
    await clinic.clock.advance(600_000)
    expect(clinic.tried()).toEqual(['a'])
    expect(await clinic.history()).toMatchObject([{ status: 'FAILED' }])
  })
})

describe('an unknown outcome', () => {
  it('is tried again by the same account, though that is paused by then and another is well', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'drops')
    await clinic.send([1])
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([2])
    await clinic.clock.advance(300_000)
    expect(clinic.tried().filter((account) => account === 'b')).toHaveLength(1)
    clinic.line.moods.delete('a')
    await clinic.clock.advance(120_000)
    const [key] = clinic.line.attempts.map((one) => one.key)
    const own = clinic.line.attempts.filter((one) => one.key === key)
    expect(new Set(own.map(({ account }) => account))).toEqual(new Set(['a']))
    expect(own.at(-1)).toMatchObject({ isReceived: true, isUnknown: false })
  })

  it('goes by another account where the organization says so', async () => {
    const clinic = await openWith({ ...accountsOf(['a', 'b']), unknownOutcome: 'retry_elsewhere' })
    clinic.line.moods.set('a', 'drops')
    await clinic.send([1])
    await clinic.clock.advance(60_000)
    expect(clinic.tried()).toEqual(['a', 'b'])
    expect(await clinic.history()).toMatchObject([{ status: 'SENT' }])
  })
})

describe('an account by which too many messages fail or take too long', () => {
  it.each(['busy', 'drops'] as const)('is left for another one, and used again when it answers: %s', async (mood) => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', mood)
    await clinic.send([1, 2, 3, 4, 5, 6, 7])
    expect(clinic.tried().slice(0, 7)).toEqual(['a', 'a', 'a', 'b', 'b', 'b', 'b'])
    expect((await clinic.sms()).accounts).toMatchObject([
      { fault: 'account_failing', pause: { code: 'many_failures' } },
      { fault: null },
    ])
    expect(clinic.warnings('account fails too often')).toHaveLength(1)
    const before = clinic.line.attempts.filter(({ account }) => account === 'a').length
    await clinic.clock.advance(3_600_000)
    // It was asked whether it takes a sign-in, which no message has to find out.
    expect(clinic.line.verified.length).toBeGreaterThan(30)
    expect(clinic.line.attempts.filter(({ account }) => account === 'a')).toHaveLength(before)
    clinic.line.moods.delete('a')
    await clinic.clock.advance(120_000)
    await clinic.send([8, 9])
    expect(clinic.tried().slice(-2)).toEqual(['a', 'a'])
    expect((await clinic.sms()).accounts).toMatchObject([{ fault: null }, { fault: null }])
  })

  it.each(['silent', 'slow'] as const)('is left within a minute where it is %s', async (mood) => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', mood)
    await clinic.send([1, 2, 3, 4, 5])
    await clinic.clock.advance(15_000)
    await clinic.send([6])
    expect(clinic.line.attempts.at(-1)).toMatchObject({ account: 'b', isReceived: true })
    expect((await clinic.sms()).accounts).toMatchObject([{ pause: { code: 'slow_answers' } }, { fault: null }])
  })

  it('is used all the same where the others are refused', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'busy').set('b', 'refuses')
    await clinic.send([1, 2, 3, 4, 5, 6, 7])
    clinic.line.moods.set('a', 'well')
    await clinic.send([8])
    expect(clinic.line.received()).toMatchObject([{ account: 'a' }])
  })

  it('is paused in earnest where it is refused then', async () => {
    const clinic = await openWith(accountsOf(['a', 'b']))
    clinic.line.moods.set('a', 'busy').set('b', 'refuses')
    await clinic.send([1, 2, 3, 4, 5, 6, 7])
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([8])
    expect((await clinic.rules(8)).at(-1)).toEqual(['deferred', 'account_paused', 'line_refused'])
    expect((await clinic.sms()).accounts).toMatchObject([
      { fault: 'account_paused', pause: { code: 'line_refused' } },
      { fault: 'account_paused' },
    ])
  })

  it('is never left where there is no other', async () => {
    const clinic = await openWith(accountsOf(['a']))
    clinic.line.moods.set('a', 'busy')
    await clinic.send([1, 2, 3, 4, 5, 6, 7])
    expect(await clinic.sms()).toMatchObject({ fault: null, pause: null })
  })
})

describe('weights', () => {
  it('share messages between healthy accounts, the same one for all of an appointment', async () => {
    // Accounts have ids by chance, and so each its share: 180 and 60 with a deviation of 6.7, held to 4.5 of it.
    const ids = Array.from({ length: 240 }, (_, index) => index + 1)
    const clinic = await openWith(accountsOf(['a', 'b', 'c'], { a: 3, b: 1 }))
    await clinic.send(ids)
    const by = (account: string) => clinic.line.attempts.filter((one) => one.account === account).length
    expect(by('a')).toBeGreaterThan(150)
    expect(by('a')).toBeLessThan(210)
    expect(by('a') + by('b')).toBe(240)
    const accountOf = new Map(clinic.line.attempts.map(({ to, account }) => [to, account]))
    await clinic.send(ids.slice(0, 15))
    for (const { to, account } of clinic.line.attempts) expect(account).toBe(accountOf.get(to))
  })

  it('leave what one cannot send to the others, and what none of them can to those without', async () => {
    const clinic = await openWith(accountsOf(['a', 'b', 'c'], { a: 1, b: 1 }))
    clinic.line.moods.set('a', 'refuses')
    await clinic.send([1, 2, 3, 4, 5, 6])
    expect(new Set(clinic.line.received().map(({ account }) => account))).toEqual(new Set(['b']))
    clinic.line.moods.set('b', 'refuses')
    await clinic.send([7])
    expect(clinic.line.received().at(-1)).toMatchObject({ account: 'c' })
  })

  it('keep no account idle while another has as many under way as it may', async () => {
    const clinic = await openWith(accountsOf(['a', 'b'], { a: 1, b: 1 }), { concurrency: 2 })
    const ids = Array.from({ length: 40 }, (_, index) => index + 1)
    const by = (account: string) => clinic.line.attempts.filter((one) => one.account === account).length
    await clinic.send(ids)
    const own = { a: by('a'), b: by('b') }
    expect(own.a).toBeGreaterThan(2)
    expect(own.b).toBeGreaterThan(2)
    clinic.line.moods.set('a', 'slow')
    await clinic.send(ids)
    expect({ a: by('a') - own.a, b: by('b') - own.b }).toEqual({ a: 2, b: own.b })
  })
})
