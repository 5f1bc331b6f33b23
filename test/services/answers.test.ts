/** What people answer to texts: which appointment they mean, what becomes of it, and what messages ask. */
import { afterEach, describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import {
  type Answer,
  type Hooks,
  type NotificationsOptions,
  type OrganizationSettingsInput,
  type Reply,
  trustEveryCaller,
} from '../../src/index.ts'
import { storeOn } from '../../src/records/store.ts'
import { Answers } from '../../src/services/answers/answers.ts'
import type { InboundText } from '../../src/services/shared/inbound-text.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'

const now = '2026-03-18T12:00:00Z'
const startsAt = '2026-03-20T15:00:00Z'
const dayBefore = '2026-03-19T15:00:30Z'
const asking: OrganizationSettingsInput = {
  askForAnswers: true,
  defaultEmailReminders: [],
  defaultSmsReminders: [24, 2],
}
const patient = { type: 'PATIENT', id: ada.id } as const
const child = { ...ada, id: 13, name: 'Byron Jr.' } as const

/** What the host heard, and how it fails. */
function hostHooks() {
  const heard: (Answer | Reply)[] = []
  const failing: { fault: Error | 'silent' | null } = { fault: null }
  const take = async (one: Answer | Reply, { signal }: { signal: AbortSignal }) => {
    heard.push(one)
    if (failing.fault === 'silent') await new Promise((_, reject) => signal.addEventListener('abort', reject))
    if (failing.fault instanceof Error) throw failing.fault
  }
  const hooks: Hooks = { onConfirm: take, onChangeRequest: take, onCancelRequest: take, onReply: take }
  return {
    heard,
    failing,
    hooks,
    short: () =>
      heard.map((one) => ('action' in one ? `${one.action} ${one.appointmentId}` : `${one.about} ${one.text}`)),
  }
}

async function open(settings: OrganizationSettingsInput | null = asking, options: Partial<NotificationsOptions> = {}) {
  const host = hostHooks()
  const clinic = await openClinic(now, { publicUrl: 'https://clinic.example/n', hooks: host.hooks, ...options })
  if (settings !== null) await clinic.settings.createOrganizationSettings(organizationId, settings)
  await clinic.start()
  const { answers } = clinic
  if (!(answers instanceof Answers)) throw new Error('expected the service')
  let texts = 0
  const reply = async (text: string, change: Partial<InboundText> = {}) => {
    texts += 1
    const result = await answers.read({
      organizationId,
      channel: 'SMS',
      address: ada.phone,
      sender: null,
      text,
      messageId: `SM${texts}`,
      at: clinic.clock.now(),
      payload: null,
      repliesTo: null,
      ...change,
    })
    await clinic.settle()
    return `${result.status} ${result.action} ${result.appointments.map(({ appointmentId }) => appointmentId).join('+')}`
  }
  return {
    ...clinic,
    hooked: host,
    reply,
    texts: () => clinic.outbox.sent.map(({ text }) => text),
    rules: async (id = 1) => (await clinic.notifications.explain(id)).map(({ action, rule }) => `${action} ${rule}`),
    answersOf: async (id = 1) =>
      (await clinic.notifications.remindersPage(id)).answers.map(
        ({ recipient, action }) => `${recipient.id} ${action}`,
      ),
  }
}

const stack = new Set<{ [Symbol.asyncDispose](): Promise<void> }>()
afterEach(async () => {
  for (const one of stack) await one[Symbol.asyncDispose]()
  stack.clear()
})
const opened = async (...given: Parameters<typeof open>) => {
  const clinic = await open(...given)
  stack.add(clinic)
  return clinic
}

describe('a reminder that asks', () => {
  it('says what to reply, remembers that it asked, and the answer reaches the host once', async () => {
    const clinic = await opened()
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(dayBefore)
    expect(clinic.texts()).toEqual([expect.stringMatching(/Reply C to confirm or R to ask for another time\.$/)])
    const [row] = (await clinic.notifications.history()).notifications
    expect(row?.ask).toMatchObject({
      until: new Date(startsAt),
      sender: null,
      code: expect.stringMatching(/^\d[A-Z]$/),
    })
    expect(await clinic.reply('Yes, thanks!')).toBe('answered confirm 1')
    expect(await clinic.reply('Yes, thanks!', { messageId: 'SM1' })).toBe('repeated confirm 1')
    expect(await clinic.reply('c')).toBe('repeated confirm 1')
    const at = clinic.clock.now()
    expect(clinic.hooked.heard).toEqual([
      {
        ...{ id: 'answer-1', organizationId, appointmentId: 1, recipient: patient, action: 'confirm', via: 'reply' },
        ...{ channel: 'SMS', startsAt: new Date(startsAt), at },
      },
    ])
    expect(await clinic.answersOf()).toEqual(['12 confirm'])
    expect(await clinic.reply('r')).toBe('answered change 1')
    expect(await clinic.answersOf()).toEqual(['12 change'])
    expect(clinic.hooked.short()).toEqual(['confirm 1', 'change 1'])
    expect((await clinic.rules()).filter((rule) => /answered|passed_on/.test(rule))).toEqual([
      'answered answered_confirm',
      'passed_on hook_called',
      'answered answered_change',
      'passed_on hook_called',
    ])
  })

  it('shows codes where a family has several appointments at a number, and only a code says which', async () => {
    const clinic = await opened()
    clinic.host.book({ id: 1, startsAt })
    clinic.host.book({ id: 2, startsAt, recipients: [child] })
    await clinic.notifications.scheduleMany([1, 2])
    await clinic.clock.advanceTo(dayBefore)
    const codes = clinic.texts().map((text) => /Reply C (\d[A-Z]) to confirm or R \1 to/.exec(text)?.[1] ?? 'none')
    expect(new Set(codes).size).toBe(2)
    expect(codes).not.toContain('none')
    expect(await clinic.reply('C')).toBe('unclear confirm 1+2')
    const rows = (await clinic.notifications.history()).notifications
    const codeOf = (id: number) => rows.find(({ appointmentId }) => appointmentId === id)?.ask?.code ?? ''
    expect(await clinic.reply(`c${codeOf(2)}`)).toBe('answered confirm 2')
    expect(await clinic.reply('R')).toBe('unclear change 1+2')
    expect(await clinic.reply('C')).toBe('answered confirm 1')
    expect([await clinic.answersOf(1), await clinic.answersOf(2)]).toEqual([['12 confirm'], ['13 confirm']])
    // In reply to a message, it is about that one.
    const second = rows.find(({ appointmentId }) => appointmentId === 2)
    expect(await clinic.reply('2', { repliesTo: second?.providerMessageId ?? '' })).toBe('answered change 2')
    expect(await clinic.reply(`R ${codeOf(1)}`, { repliesTo: second?.providerMessageId ?? '' })).toBe(
      'unclear change 1+2',
    )
    expect(clinic.hooked.short()).toEqual([
      'reply C',
      'confirm 2',
      'reply R',
      'confirm 1',
      'change 2',
      `reply R ${codeOf(1)}`,
    ])
    expect(clinic.hooked.heard[0]).toMatchObject({ appointments: [{ appointmentId: 1 }, { appointmentId: 2 }] })
  })

  it('is for people where one that was confirmed is asked about again: the answer may mean that one', async () => {
    const clinic = await opened()
    clinic.host.book({ id: 1, startsAt })
    clinic.host.book({ id: 2, startsAt: '2026-03-20T13:00:00Z', recipients: [child] })
    await clinic.notifications.scheduleMany([1, 2])
    await clinic.clock.advanceTo(dayBefore)
    const rows = (await clinic.notifications.history()).notifications
    const code = rows.find(({ appointmentId }) => appointmentId === 2)?.ask?.code
    expect(await clinic.reply(`C ${code}`)).toBe('answered confirm 2')
    await clinic.clock.advanceTo('2026-03-20T11:00:30Z')
    expect(clinic.texts()).toHaveLength(3)
    expect(await clinic.reply('C')).toBe('unclear confirm 2+1')
    expect([await clinic.answersOf(1), await clinic.answersOf(2)]).toEqual([[], ['13 confirm']])
  })

  it('is answered too late where the appointment moved since, and a moved one is not confirmed', async () => {
    const clinic = await opened()
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(dayBefore)
    await clinic.reply('C')
    clinic.host.change(1, { startsAt: '2026-03-25T15:00:00Z' })
    await clinic.notifications.appointmentRescheduled(1)
    expect(await clinic.answersOf()).toEqual([])
    expect(await clinic.reply('C')).toBe('late confirm 1')
    expect(await clinic.answersOf()).toEqual([])
    await clinic.clock.advanceTo('2026-03-24T15:00:30Z')
    expect(await clinic.reply('1')).toBe('answered confirm 1')
    expect(await clinic.answersOf()).toEqual(['12 confirm'])
    clinic.host.change(1, { status: 'cancelled' })
    await clinic.notifications.appointmentCancelled(1)
    expect(await clinic.reply('C')).toBe('late confirm 1')
    expect(clinic.hooked.short()).toEqual(['confirm 1', 'reply C', 'confirm 1', 'reply C'])
  })

  it('leaves everything else to people, who see it until it is dealt with', async () => {
    const clinic = await opened()
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    expect(await clinic.reply('C')).toBe('unclear null '.replace('null', 'confirm'))
    await clinic.clock.advanceTo(dayBefore)
    expect(await clinic.reply('Is there parking?')).toBe('unclear null 1')
    expect(await clinic.reply('CANCEL', { about: 'possible_cancel_request' })).toBe('unclear null 1')
    expect(await clinic.reply('C', { address: '+14155550199' })).toBe('unclear confirm ')
    const page = await clinic.answers.list(organizationId, { open: true })
    expect(page.answers.map(({ kind, text, recipient }) => [kind, text, recipient?.id])).toEqual([
      ['reply', 'C', undefined],
      ['possible_cancel_request', 'CANCEL', 12],
      ['reply', 'Is there parking?', 12],
      ['reply', 'C', undefined],
    ])
    await clinic.answers.handled(organizationId, page.answers[2]?.id ?? 0)
    expect((await clinic.answers.list(organizationId, { open: true })).answers).toHaveLength(3)
    await expect(clinic.answers.handled('another', page.answers[0]?.id ?? 0)).rejects.toMatchObject({
      code: 'answer_not_found',
    })
  })
})

describe('confirmedReminders', () => {
  it.each([
    ['keep', ['24h', '4h', '2h']],
    ['last', ['24h', '2h']],
    ['none', ['24h']],
  ] as const)('%s: sends %j to who confirmed', async (confirmedReminders, sent) => {
    const clinic = await opened({ ...asking, confirmedReminders, defaultSmsReminders: [24, 4, 2] })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(dayBefore)
    await clinic.reply('C')
    const run = await clinic.notifications.plan(1)
    const left = run.omitted.filter(({ rule }) => rule === 'confirmed').map(({ offset }) => offset)
    await clinic.clock.advanceTo('2026-03-20T14:00:00Z')
    const reminders = await clinic.notifications.getReminders(1)
    expect(reminders.filter(({ status }) => status === 'SENT').map(({ offset }) => offset)).toEqual(sent)
    const needless = reminders.filter(({ reason }) => reason === 'confirmed').map(({ offset }) => offset)
    expect(needless).toEqual(left.filter((offset) => offset !== '24h'))
    expect(await clinic.rules()).toEqual(expect.arrayContaining(needless.map(() => 'cancelled confirmed')))
  })
})

describe('a hook', () => {
  it('that fails is called again, after a restart too, with the same id, and shows in health', async () => {
    const database = await migratedDatabase({ appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' })
    const authenticate = trustEveryCaller()
    const clinic = await opened(asking, { storage: sqlite({ database }), authenticate })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(dayBefore)
    clinic.hooked.failing.fault = new TypeError('Ada Byron is unknown')
    await clinic.reply('C')
    await clinic.reply('R')
    expect(clinic.hooked.short()).toEqual(['confirm 1'])
    await clinic.clock.advance(60_000)
    expect(clinic.hooked.short()).toEqual(['confirm 1', 'confirm 1'])
    const health = await clinic.handle({
      ...{ method: 'GET', path: '/health', query: '', headers: {}, native: null },
      readBody: async () => ({ kind: 'bytes', bytes: new Uint8Array() }),
    })
    expect(JSON.parse(String(health.body))).toMatchObject({
      status: 'degraded',
      hooks: { count: 1, failing: [{ answer_id: 1, hook: 'confirm', attempts: 2, last_error: 'TypeError' }] },
    })
    const [failing] = (await clinic.answers.list(organizationId)).answers.filter(({ lastError }) => lastError !== null)
    expect(failing).toMatchObject({ kind: 'confirm', attempts: 2, lastError: 'TypeError' })
    expect(JSON.stringify(clinic.log)).not.toContain('Ada Byron is')
    const later = hostHooks()
    const again = await openClinic(clinic.clock.now().toISOString(), {
      storage: sqlite({ database }),
      hooks: later.hooks,
    })
    await again.start()
    await again.clock.advance(15 * 60_000)
    expect(later.short()).toEqual(['confirm 1', 'change 1'])
    expect(later.heard[0]).toEqual(clinic.hooked.heard[0])
    await again[Symbol.asyncDispose]()
  })

  it('that does not answer is given up after its time, and the answer waits for the next call', async () => {
    const clinic = await opened(asking, { hookTimeoutMs: 1000 })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    clinic.hooked.failing.fault = 'silent'
    const result = await clinic.answers.record(1, { recipient: patient, action: 'cancel' })
    expect(result).toEqual({ status: 'recorded' })
    expect(await clinic.answers.record(1, { recipient: patient, action: 'cancel' })).toEqual({ status: 'repeated' })
    await clinic.clock.advance(1500)
    expect((await clinic.answers.list(organizationId)).answers).toMatchObject([
      { lastError: 'no result within 1000 ms' },
    ])
    clinic.hooked.failing.fault = null
    await clinic.clock.advance(60_000)
    expect(clinic.hooked.short()).toEqual(['cancel 1', 'cancel 1'])
    expect((await clinic.answers.list(organizationId)).answers).toMatchObject([{ lastError: null, attempts: 2 }])
  })

  it('that is not there is never called, and leaves nothing to be called', async () => {
    const clinic = await opened(null, { hooks: {} })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    expect(await clinic.answers.record(1, { recipient: patient, action: 'confirm' })).toEqual({ status: 'recorded' })
    expect((await clinic.answers.list(organizationId)).answers).toMatchObject([{ dueAt: null, deliveredAt: null }])
    await expect(clinic.answers.record(99, { recipient: patient, action: 'confirm' })).rejects.toMatchObject({
      code: 'appointment_not_found',
    })
  })
})

describe('what a message asks', () => {
  const template = { appointment_reminder: 'See you at {time}. {\n answer_hint }' }
  const refused = async (settings: OrganizationSettingsInput, options: Partial<NotificationsOptions> = {}) => {
    const clinic = await opened(null, options)
    return clinic.settings.createOrganizationSettings(organizationId, settings).then(
      () => null,
      ({ code, field, message }) => [code, field, message],
    )
  }

  it.each([
    ['nobody hears', { hooks: {} }, asking, 'askForAnswers', 'set "hooks"'],
    ['replies arrive nowhere', { publicUrl: undefined }, asking, 'askForAnswers', 'publicUrl'],
    [
      'the transport takes no replies',
      { transports: [capture()] },
      { smsTemplates: template },
      'smsTemplates',
      'no account',
    ],
    ['it is an e-mail', {}, { emailTemplates: template }, 'emailTemplates', 'replies to an e-mail'],
    [
      'nothing is ahead',
      {},
      { smsTemplates: { appointment_cancellation: '{answer_hint}' } },
      'smsTemplates',
      'no appointment',
    ],
  ] as const)('is refused where %s', async (_, options, settings, field, words) => {
    const [code, named, message] = (await refused(settings, options)) ?? []
    expect([code, String(named).split('.')[0]]).toEqual(['invalid_input', field])
    expect(message).toContain(words)
  })

  it('is asked by a template too, in its own place', async () => {
    const clinic = await opened({ defaultEmailReminders: [], smsTemplates: template })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    const [preview] = await clinic.notifications.getReminders(1)
    await clinic.clock.advanceTo(dayBefore)
    expect(clinic.texts()).toEqual(['See you at 11:00 AM. Reply C to confirm or R to ask for another time.'])
    expect(preview?.message).toBe(clinic.texts()[0])
    expect(await clinic.reply('ja')).toBe('answered confirm 1')
  })

  it('is nothing by default: no message asks, none remembers it, and nothing is read for it', async () => {
    const storage = storeOn(
      sqlite({
        database: await migratedDatabase({ appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' }),
      }),
    )
    let asked = 0
    const asking: typeof storage.answers.asking = (...given) => {
      asked += 1
      return storage.answers.asking(...given)
    }
    const counting = { ...storage, answers: { ...storage.answers, asking } }
    const clinic = await opened({ defaultEmailReminders: [] }, { storage: counting })
    clinic.host.book({ id: 1, startsAt })
    await clinic.notifications.scheduleReminders(1)
    await clinic.clock.advanceTo(dayBefore)
    expect(clinic.texts()).toEqual([expect.not.stringContaining('Reply')])
    expect((await clinic.notifications.history()).notifications).toMatchObject([{ ask: null }])
    expect(asked).toBe(0)
  })
})
