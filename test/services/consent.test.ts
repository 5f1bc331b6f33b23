import { expect, it } from 'vitest'
import { organizationId } from '../support/clinic.ts'
import { heard, now, person, phone, recipient } from './heard-clinic.ts'

it('STOP changes preference, suppression, record and audit at once, and START brings back what it took', async () => {
  await using clinic = await heard()
  expect((await clinic.post({ text: 'Stop. Thank you' })).status).toBe(200)
  expect(await clinic.enabled()).toBe(false)
  expect((await clinic.effective())?.reasons).toEqual(['suppressed', 'channel_disabled_by_recipient'])
  expect(clinic.replies).toHaveLength(1)
  const { records } = await clinic.consent.record(organizationId)
  expect(records).toMatchObject([
    { act: 'refused', how: 'text', channel: 'SMS', recipient: null },
    { act: 'refused', how: 'text', channel: 'SMS', recipient },
  ])
  const { entries } = await clinic.audit.list(organizationId)
  expect(entries.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['address.suppressed', 'preferences.created']),
  )
  expect(clinic.events).toMatchObject([['consent.refused', { recipients: [recipient] }]])
  const sent = await clinic.notifications.sendAppointmentNotification(1, { category: 'RESCHEDULE', channel: 'SMS' })
  expect(sent.omitted).toMatchObject([{ rule: 'suppressed' }])
  await clinic.post({ text: 'START' })
  expect(await clinic.enabled()).toBe(null)
  expect((await clinic.effective())?.allowed).toBe(true)
})

it('START gives back nothing that was switched off before', async () => {
  await using clinic = await heard()
  await clinic.settings.updatePreferences(recipient, { smsEnabled: false })
  await clinic.post({ text: 'STOP' })
  await clinic.post({ text: 'UNSTOP' })
  expect(await clinic.enabled()).toBe(false)
  expect((await clinic.effective())?.reasons).toEqual(['channel_disabled_by_recipient'])
})

it.each(['refuses it once more', 'gives it and refuses it'])(
  'START gives back nothing that the person refused by a page since STOP: who %s',
  async (way) => {
    await using clinic = await heard()
    const channels: 'SMS'[] = ['SMS']
    const said = { organizationId, who: { recipient }, channels, how: 'link', wording: 'page:1' } as const
    await clinic.post({ text: 'STOP' })
    await clinic.clock.advance(1000)
    if (way === 'gives it and refuses it') await clinic.consent.give(said)
    await clinic.consent.refuse(said)
    const { records } = await clinic.consent.record(organizationId, { recipient })
    expect(records[0]).toMatchObject({ act: 'refused', how: 'link', channel: 'SMS' })
    await clinic.clock.advance(1000)
    await clinic.post({ text: 'START' })
    expect((await clinic.effective())?.reasons).toEqual(['channel_disabled_by_recipient'])
    await clinic.consent.give(said)
    expect((await clinic.effective())?.allowed).toBe(true)
  },
)

it('a complaint stays one when STOP comes after it: START takes back only that', async () => {
  await using clinic = await heard()
  const said = { organizationId, who: { channel: 'SMS', address: phone }, wording: null } as const
  await clinic.consent.refuse({ ...said, how: 'complaint' })
  await clinic.consent.refuse({ ...said, how: 'staff' })
  await clinic.post({ text: 'STOP' })
  await clinic.clock.advance(1000)
  await clinic.post({ text: 'START' })
  expect((await clinic.effective())?.suppression).toMatchObject({ cause: 'complaint' })
})

it('STOP in the very moment in which staff lifted a suppression counts', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP' })
  const lift = {
    channel: 'SMS',
    address: phone,
    consent: { at: clinic.clock.now(), givenBy: 'Eve', how: 'desk' },
  } as const
  await clinic.addresses.lift(organizationId, lift)
  expect((await clinic.effective())?.suppression).toBe(null)
  await clinic.clock.advance(1000)
  await clinic.addresses.suppress(organizationId, { channel: 'SMS', address: phone, cause: 'stop' })
  await clinic.addresses.lift(organizationId, { ...lift, consent: { ...lift.consent, at: clinic.clock.now() } })
  await clinic.post({ text: 'STOP' })
  expect((await clinic.effective())?.reasons[0]).toBe('suppressed')
})

it('START brings back what staff took for a refusal', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'when does this stop' })
  await clinic.consent.decide(organizationId, { channel: 'SMS', address: phone }, 'refused')
  await clinic.clock.advance(1000)
  await clinic.post({ text: 'START' })
  expect((await clinic.effective())?.allowed).toBe(true)
})

it('START that is reported after a later STOP opens nothing', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP' })
  await clinic.clock.advance(1000)
  await clinic.post({ text: 'STOP' })
  const at = new Date(Date.parse(now) + 500)
  await clinic.post({ text: 'START', at })
  expect((await clinic.effective())?.reasons).toEqual(['suppressed', 'channel_disabled_by_recipient'])
  // One text confirms the refusal, however often it is said.
  expect(clinic.replies).toHaveLength(1)
  await clinic.post({ text: 'START', at: clinic.clock.now() })
  expect((await clinic.effective())?.allowed).toBe(true)
})

it.each(['START of whoever has it now', 'lifting it'])(
  'who moved from the address is not brought back by %s',
  async (way) => {
    await using clinic = await heard()
    const sms = { channel: 'SMS', address: phone } as const
    if (way === 'lifting it') await clinic.addresses.suppress(organizationId, { ...sms, cause: 'stop' })
    else await clinic.post({ text: 'STOP' })
    clinic.host.recipientRows.set('PATIENT:7', { ...person, organizationId, phone: '+14155550124' })
    await clinic.clock.advance(1000)
    if (way === 'lifting it') {
      const consent = { at: clinic.clock.now(), givenBy: 'Eve', how: 'at the desk' }
      await clinic.addresses.lift(organizationId, { ...sms, consent })
    } else await clinic.post({ text: 'START' })
    expect(await clinic.enabled()).toBe(false)
  },
)

it('the same message again changes nothing, and what the provider answered is not answered twice', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP', messageId: 'SMa', optOutType: 'STOP' })
  await clinic.post({ text: 'START', messageId: 'SMb', optOutType: 'START' })
  await clinic.post({ text: 'STOP', messageId: 'SMa', optOutType: 'STOP' })
  expect(await clinic.enabled()).toBe(null)
  expect(clinic.replies).toEqual([])
})

it('a button is an opt-out only where its words are STOP', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'Cancel', payload: 'cancel:1' })
  expect(await clinic.enabled()).toBe(null)
  await clinic.post({ text: 'STOP', payload: 'stop' })
  expect(await clinic.enabled()).toBe(false)
})

it('CANCEL opts out, and the host hears which appointment it may mean', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'cancel please' })
  expect(await clinic.enabled()).toBe(false)
  expect(clinic.events.at(-1)).toMatchObject(['possible_cancel_request', { organizationId, appointmentIds: [1] }])
})

it('a text in doubt holds the channel until staff decide, either way', async () => {
  await using clinic = await heard()
  await clinic.post({ text: "I'll stop by at 3" })
  expect(await clinic.enabled()).toBe(null)
  expect((await clinic.effective())?.reasons).toEqual(['consent_in_doubt'])
  const [doubt] = (await clinic.consent.doubts(organizationId)).doubts
  expect(doubt).toMatchObject({ text: "I'll stop by at 3", address: phone })
  const sms = { channel: 'SMS', address: phone } as const
  await clinic.consent.as({ kind: 'staff', id: 3 }).decide(organizationId, sms, 'cleared')
  expect((await clinic.effective())?.allowed).toBe(true)
  expect(await clinic.consent.decide(organizationId, sms, 'cleared')).toMatchObject({ changed: false })
  await clinic.post({ text: 'when does this stop' })
  expect((await clinic.consent.doubts(organizationId)).doubts).toHaveLength(1)
  await clinic.consent.decide(organizationId, sms, 'refused')
  expect((await clinic.effective())?.reasons).toEqual(['suppressed', 'channel_disabled_by_recipient'])
  expect((await clinic.consent.doubts(organizationId)).doubts).toEqual([])
})

it.each(['ends', 'takes the other channel', 'goes out once it is decided'])(
  'a reminder that is due in doubt %s',
  async (way) => {
    await using clinic = await heard()
    const channels = [{ channel: 'EMAIL' as const }]
    await clinic.settings.createOrganizationSettings(organizationId, {
      quietHours: [],
      defaultEmailReminders: [],
      defaultSmsReminders: [24],
      ...(way === 'takes the other channel' && { fallback: [{ channels }] }),
    })
    await clinic.notifications.scheduleReminders(1)
    await clinic.post({ text: "I'll stop by at 3" })
    await clinic.clock.advance(24 * 3_600_000)
    // Planned anew for another reason, it stays.
    await clinic.notifications.scheduleReminders(1)
    const sms = { channel: 'SMS', address: phone } as const
    if (way === 'goes out once it is decided') await clinic.consent.decide(organizationId, sms, 'cleared')
    clinic.outbox.clear()
    await clinic.clock.advance(9 * 24 * 3_600_000)
    const expected = { ends: [], 'takes the other channel': ['EMAIL'], 'goes out once it is decided': ['SMS'] }[way]
    expect(clinic.outbox.sent.map(({ channel }) => channel)).toEqual(expected)
    const rules = (await clinic.notifications.explain(1)).flatMap(({ rule, channel }) =>
      channel === 'SMS' ? [rule] : [],
    )
    expect(rules.includes('consent_in_doubt')).toBe(way !== 'goes out once it is decided')
  },
)

it('HELP names the clinic, and a person refuses a kind of message on one channel alone', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'HELP' })
  expect(clinic.replies[0]).toMatch(/Appointment messages/)
  const said = { organizationId, who: { recipient }, how: 'one_click', wording: 'list-unsubscribe/1' } as const
  await clinic.consent.refuse({ ...said, channels: ['SMS'], categories: ['WAITLIST'] })
  expect((await clinic.effective('SMS', 'WAITLIST'))?.reasons).toEqual(['category_disabled_by_recipient'])
  expect((await clinic.effective('SMS', 'REMINDER'))?.allowed).toBe(true)
  expect((await clinic.effective('EMAIL', 'WAITLIST'))?.reasons).not.toContain('category_disabled_by_recipient')
  await clinic.consent.give({ ...said, channels: ['SMS'], categories: ['WAITLIST'] })
  expect((await clinic.effective('SMS', 'WAITLIST'))?.reasons).not.toContain('category_disabled_by_recipient')
  expect((await clinic.consent.record(organizationId, { recipient })).records).toMatchObject([
    { act: 'given', how: 'one_click', wording: 'list-unsubscribe/1', category: 'WAITLIST', channel: 'SMS' },
    { act: 'refused', category: 'WAITLIST', channel: 'SMS' },
  ])
})

it('who gives a channel again by a page is reached by it, also after STOP', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP' })
  await clinic.clock.advance(1000)
  const said = { organizationId, who: { recipient }, how: 'link', wording: 'page/1' } as const
  await clinic.consent.give({ ...said, channels: ['SMS'] })
  expect((await clinic.effective())?.allowed).toBe(true)
  await clinic.consent.refuse(said)
  expect((await clinic.effective('EMAIL'))?.reasons).toEqual(['channel_disabled_by_recipient'])
})

it('a person who switches the channel on again is reached by it; staff need a new consent', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'STOP' })
  await clinic.clock.advance(1000)
  await clinic.settings.as({ kind: 'staff', id: 3 }).updatePreferences(recipient, { smsEnabled: true })
  expect((await clinic.effective())?.reasons).toEqual(['suppressed'])
  await clinic.settings.as({ kind: 'patient', id: 7 }).updatePreferences(recipient, { smsEnabled: true })
  expect((await clinic.effective())?.allowed).toBe(true)
})

it('a person who switches the channel on leaves what an opt-out took from others at the address', async () => {
  const brother = { type: 'PATIENT', id: 9 } as const
  await using clinic = await heard()
  const recipients = [{ ...person, ...brother }]
  clinic.host.book({ id: 2, startsAt: new Date('2031-03-20T12:00:00Z'), recipients })
  await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION', channel: 'SMS' })
  await clinic.settle()
  const sms = { channel: 'SMS', address: phone } as const
  await clinic.addresses.suppress(organizationId, { ...sms, cause: 'stop' })
  expect((await clinic.settings.getPreferences(brother)).smsEnabled).toBe(false)
  await clinic.clock.advance(1000)
  await clinic.settings.as({ kind: 'patient', id: 7 }).updatePreferences(recipient, { smsEnabled: true })
  await clinic.addresses.suppress(organizationId, { ...sms, cause: 'stop' })
  const consent = { at: clinic.clock.now(), givenBy: 'Eve', how: 'at the desk' }
  await clinic.addresses.lift(organizationId, { ...sms, consent })
  expect((await clinic.settings.getPreferences(brother)).smsEnabled).toBe(null)
  expect(await clinic.enabled()).toBe(true)
})

it('a guardian who is written to in the place of a child answers for themselves', async () => {
  const guardian = { ...person, type: 'CLIENT', id: 8 } as const
  await using clinic = await heard(7, { ...person, email: null, phone: null, contactOrder: [guardian] })
  await clinic.post({ text: "I'll stop by at 3" })
  expect((await clinic.consent.doubts(organizationId)).doubts).toMatchObject([{ address: phone }])
  await clinic.post({ text: 'STOP' })
  expect(await clinic.settings.getPreferences({ type: 'CLIENT', id: 8 })).toMatchObject({ smsEnabled: false })
  expect(await clinic.enabled()).toBe(null)
})

it('what may be an appointment, and what is in doubt, reaches those who read answers', async () => {
  await using clinic = await heard()
  await clinic.post({ text: 'see you tomorrow' })
  await clinic.post({ text: "I'll stop by at 3" })
  await clinic.post({ text: 'CANCEL' })
  const { answers } = await clinic.answers.list(null)
  expect(answers.map(({ text }) => text)).toEqual(['CANCEL', "I'll stop by at 3", 'see you tomorrow'])
})

it('a consent and a decision take back what only a hash says of an address whose person was erased', async () => {
  const back = { ...person, id: 91 } as const
  const ways = {
    give: ({ consent }: Awaited<ReturnType<typeof heard>>) =>
      consent.give({ organizationId, who: { channel: 'SMS', address: phone }, how: 'staff', wording: null }),
    decide: ({ consent }: Awaited<ReturnType<typeof heard>>) =>
      consent.decide(organizationId, { channel: 'SMS', address: phone }, 'cleared'),
  }
  for (const [said, way] of [
    ['STOP', ways.give],
    ["I'll stop by at 3", ways.decide],
  ] as const) {
    await using clinic = await heard()
    await clinic.post({ text: said })
    clinic.host.appointmentRows.clear()
    expect(await clinic.privacy.eraseRecipient(recipient)).toMatchObject({ hashedAddresses: expect.any(Number) })
    clinic.host.book({ id: 2, startsAt: new Date('2031-03-20T12:00:00Z'), recipients: [back] })
    const send = () => clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION', channel: 'SMS' })
    expect((await send()).omitted).toHaveLength(1)
    await clinic.clock.advance(1000)
    await way(clinic)
    expect((await send()).omitted, said).toEqual([])
  }
})

it('a decision takes back no complaint of somebody who was erased', async () => {
  await using clinic = await heard()
  const sms = { channel: 'SMS', address: phone } as const
  await clinic.addresses.suppress(organizationId, { ...sms, cause: 'complaint' })
  clinic.host.appointmentRows.clear()
  await clinic.privacy.eraseRecipient(recipient)
  clinic.host.book({ id: 2, startsAt: new Date('2031-03-20T12:00:00Z'), recipients: [{ ...person, id: 91 }] })
  await clinic.clock.advance(1000)
  await clinic.consent.decide(organizationId, sms, 'cleared')
  const sent = await clinic.notifications.sendAppointmentNotification(2, { category: 'CONFIRMATION', channel: 'SMS' })
  expect(sent.omitted).toMatchObject([{ rule: 'suppressed' }])
})
