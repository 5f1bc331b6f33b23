import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { type DirectoryRecipient, type HttpRequest, type Notifications, TransportError } from '../../src/index.ts'
import { Answers } from '../../src/services/answers/answers.ts'
import { Consent } from '../../src/services/consent/consent.ts'
import { Links } from '../../src/services/shared/links.ts'
import { ada, openClinic, organizationId, testKey } from '../support/clinic.ts'
import { keyOf } from '../support/keys.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'

const publicUrl = 'https://clinic.example/api/notifications'
const body = 'Confirm {confirm_url} change {change_url} cancel {cancel_url} all {preferences_url}'
const mask = '*'.repeat(22)

const heard = { onConfirm() {}, onChangeRequest() {}, onCancelRequest() {} }
type Clinic = Awaited<ReturnType<typeof openClinic>>
const open = (more: Parameters<typeof openClinic>[1] = {}) =>
  openClinic('2031-03-08T09:00:00Z', { publicUrl, hooks: heard, ...more })

/** One reminder with all links is sent, the day before the appointment. */
async function remind(clinic: Clinic, template = body): Promise<void> {
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailTemplates: { appointment_reminder: template },
    defaultEmailReminders: [24],
    defaultSmsReminders: [],
  })
  clinic.host.book({ id: 42, startsAt: '2031-03-10T10:00:00' })
  await clinic.notifications.scheduleReminders(42)
  await clinic.start()
  await clinic.clock.advance(30 * 3_600_000)
}

const urlsIn = (text: string | undefined): string[] => [...(text ?? '').matchAll(/https:\S+/g)].map(([url]) => url)
async function linksOf(clinic: Clinic) {
  await remind(clinic)
  const urls = urlsIn(clinic.outbox.sent[0]?.text)
  return { urls, at: (purpose: string) => urls.find((url) => url.includes(`/${purpose}/`)) ?? '' }
}

type Asked = { readonly type?: string; readonly sender?: string; readonly language?: string }
async function ask(library: Notifications, method: string, url: string, form: string | null = null, asked: Asked = {}) {
  const { type = 'application/x-www-form-urlencoded', sender, language } = asked
  const readBody: HttpRequest['readBody'] = async () => ({ kind: 'bytes', bytes: Buffer.from(form ?? '') })
  const headers = {
    ...(form !== null && { 'content-type': type }),
    ...(language !== undefined && { 'accept-language': language }),
  }
  const path = url.replace(publicUrl, '')
  const answer = await library.handle({
    method,
    path,
    query: 'utm_source=mail',
    headers,
    native: null,
    sender,
    readBody,
  })
  return { ...answer, html: answer.body ?? '' }
}

const shown = async (clinic: Clinic) =>
  JSON.stringify([
    await clinic.notifications.history({ organizationId }),
    await clinic.notifications.explain(42),
    await clinic.audit.list(organizationId),
    clinic.log.lines,
    clinic.told,
  ])

afterEach(() => void vi.restoreAllMocks())

describe('links of messages', () => {
  it('are short and random, and whoever may read the history cannot act by them', async () => {
    await using clinic = await open()
    const { urls } = await linksOf(clinic)
    expect(urls).toHaveLength(4)
    for (const url of urls) {
      expect(url).toMatch(/\/(confirm|change|cancel|preferences)\/[0-9A-Za-z]{22}$/)
      expect(url.length - publicUrl.length).toBeLessThanOrEqual(40)
      expect(await shown(clinic)).not.toContain(url.slice(-22))
    }
    expect(new Set(urls.map((url) => url.slice(-22))).size).toBe(4)
    expect(await shown(clinic)).toContain(`${publicUrl}/confirm/${mask}`)
    expect((await ask(clinic, 'GET', `${publicUrl}/confirm/${mask}`)).status).toBe(404)
  })

  it('are the same when a message is sent again', async () => {
    const texts: string[] = []
    const flaky = capture({
      fail(message) {
        texts.push(message.text)
        return texts.length < 3 ? new TransportError('Busy.', { outcome: 'transient', code: 'busy' }) : null
      },
    })
    await using clinic = await open({ transports: [flaky] })
    await remind(clinic)
    expect(texts).toHaveLength(3)
    expect(new Set(texts).size).toBe(1)
  })

  it('are rows only where a text names one, and of tokens nothing but keyed hashes', async () => {
    const database = await migratedDatabase({ appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' })
    await using clinic = await open({ storage: sqlite({ database }) })
    await remind(clinic, 'Only {preferences_url}')
    const [url = ''] = urlsIn(clinic.outbox.sent[0]?.text)
    const rows = z
      .array(z.looseObject({ purpose: z.string() }))
      .parse(database.prepare('select * from notification_links').all())
    expect(rows.map(({ purpose }) => purpose)).toEqual(['preferences'])
    expect(JSON.stringify(rows)).not.toContain(url.slice(-22))
    const openedBy = async (...encryptionKey: string[]) => {
      await using other = await open({ storage: sqlite({ database }), encryptionKey })
      other.host.recipientRows.set('PATIENT:12', { ...ada, organizationId })
      return (await ask(other, 'GET', url)).status
    }
    // After a rotation links work as long as the retired key is there.
    expect(await openedBy(keyOf(8), keyOf(7))).toBe(200)
    expect(await openedBy(keyOf(8))).toBe(404)
  })

  it('need an URL and a key: a text that names one is refused without them, in words', async () => {
    await using clinic = await openClinic('2031-03-08T09:00:00Z')
    const saving = clinic.settings.createOrganizationSettings(organizationId, {
      smsTemplates: { appointment_reminder: 'Yes? {confirm_url}' },
    })
    await expect(saving).rejects.toMatchObject({
      code: 'template_invalid',
      message: expect.stringContaining('{confirm_url}, which needs the option "publicUrl"'),
    })
  })

  it('ask for no answer that nobody hears', async () => {
    await using clinic = await open({ hooks: { onConfirm() {} } })
    const save = (text: string) =>
      clinic.settings.createOrganizationSettings(organizationId, {
        quietHours: [],
        emailTemplates: { appointment_reminder: text },
      })
    await expect(save('Come? {confirm_url} Or: {cancel_url}')).rejects.toMatchObject({
      code: 'template_invalid',
      message: expect.stringContaining('names {cancel_url}, and nobody hears the answer'),
    })
    await expect(save('Come? {confirm_url} {preferences_url}')).resolves.toMatchObject({ warnings: [] })
  })

  it('do not ask for an answer where there is nothing to answer', async () => {
    await using clinic = await open()
    const saving = clinic.settings.createOrganizationSettings(organizationId, {
      emailTemplates: { waitlist_notification: 'Take it: {confirm_url}' },
    })
    await expect(saving).rejects.toMatchObject({ code: 'template_invalid' })
  })
})

describe('the page of a link', () => {
  it('is a page that changes nothing, whoever opens it and however often', async () => {
    await using clinic = await open()
    const act = vi.spyOn(Answers.prototype, 'act')
    const refuse = vi.spyOn(Consent.prototype, 'refuse')
    const { urls } = await linksOf(clinic)
    const before = await shown(clinic)
    for (const url of urls) {
      for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS']) await ask(clinic, method, url)
      const { status, headers, html } = await ask(clinic, 'GET', url)
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex, nofollow, noarchive',
        'content-security-policy': expect.stringMatching(
          /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'/,
        ),
      })
      expect(html).not.toMatch(/<script|javascript:|<img|<link/i)
      expect(html).toContain('Harbour Clinic')
    }
    expect([act, refuse].map((one) => one.mock.calls.length)).toEqual([0, 0])
    expect(await shown(clinic)).toBe(before)
  })

  it.each(['confirm', 'change', 'cancel'] as const)(
    'lets somebody %s by its button, once, until the start',
    async (purpose) => {
      const heard: unknown[] = []
      const hear = (action: string) => (answer: unknown) => void heard.push([action, answer])
      const hooks = { onConfirm: hear('confirm'), onChangeRequest: hear('change'), onCancelRequest: hear('cancel') }
      await using clinic = await open({ hooks })
      const { at } = await linksOf(clinic)
      const { status, html } = await ask(clinic, 'POST', at(purpose), '')
      expect(status).toBe(200)
      expect(html).toContain('<h1 tabindex="-1" autofocus>')
      expect((await ask(clinic, 'POST', at(purpose), '')).status).toBe(200)
      await clinic.clock.advance(60_000)
      expect(heard).toEqual([[purpose, expect.objectContaining({ appointmentId: 42, via: 'link' })]])
      clinic.host.change(42, { startsAt: '2031-03-10T12:00:00' })
      await clinic.notifications.appointmentRescheduled(42)
      expect((await ask(clinic, 'POST', at(purpose), '')).status).toBe(410)
      // Without a button that would be refused, and without the new time, which the message did not name.
      const moved = await ask(clinic, 'GET', at(purpose))
      expect([moved.status, /<form|12:00/.test(moved.html)]).toEqual([410, false])
      clinic.host.change(42, { startsAt: '2031-03-10T10:00:00', status: 'cancelled' })
      const cancelled = await ask(clinic, 'GET', at(purpose))
      expect([cancelled.status, cancelled.html.includes('<form')]).toEqual([410, false])
      await clinic.clock.advance(24 * 3_600_000)
      const late = await ask(clinic, 'GET', at(purpose))
      expect([late.status, late.html.includes('Harbour')]).toEqual([410, false])
    },
  )

  it('confirms nothing that the host has cancelled, also where it has not reported that yet', async () => {
    const confirmed: unknown[] = []
    const hooks = { ...heard, onConfirm: (answer: unknown) => void confirmed.push(answer) }
    await using clinic = await open({ hooks })
    const { at } = await linksOf(clinic)
    clinic.host.change(42, { status: 'cancelled' })
    expect((await ask(clinic, 'POST', at('confirm'), '')).status).toBe(410)
    await clinic.clock.advance(60_000)
    expect(confirmed).toEqual([])
  })

  it('is one and the same page for every link that does not work', async () => {
    await using clinic = await open()
    const { at, urls } = await linksOf(clinic)
    const token = at('confirm').slice(-22)
    const wrong = [`/cancel/${token}`, `/confirm/${token.slice(1)}`, `/confirm/${'0'.repeat(22)}`, '/preferences/%00']
    const pages = new Set<string>()
    for (const path of wrong) {
      for (const method of ['GET', 'POST']) {
        const { status, html } = await ask(clinic, method, `${publicUrl}${path}`, method === 'POST' ? 'stop=all' : null)
        expect([path, status]).toEqual([path, 404])
        pages.add(html)
      }
    }
    // The person belongs to another organization by now.
    clinic.host.recipientRows.set('PATIENT:12', { ...ada, organizationId: 'other' })
    for (const url of urls) pages.add((await ask(clinic, 'GET', url)).html)
    expect(pages.size).toBe(1)
    expect([...pages][0]).not.toMatch(/Harbour|Ada|2031/)
  })

  it('goes when the appointment is deleted, or the links are revoked', async () => {
    await using clinic = await open()
    const { at } = await linksOf(clinic)
    await clinic.notifications.appointmentDeleted(42)
    expect((await ask(clinic, 'GET', at('confirm'))).status).toBe(404)
    expect((await ask(clinic, 'GET', at('preferences'))).status).toBe(404)
    await using another = await open()
    const own = await linksOf(another)
    await another.links.revoke({ organizationId: 'other', recipient: { type: 'PATIENT', id: 12 } })
    expect((await ask(another, 'GET', own.at('preferences'))).status).toBe(200)
    await another.links.revoke({ organizationId, recipient: { type: 'PATIENT', id: 12 } })
    expect((await ask(another, 'GET', own.at('preferences'))).status).toBe(404)
  })

  it('that does not work is in a language that the browser asks for, else in that of the organization', async () => {
    await using clinic = await open()
    const { at } = await linksOf(clinic)
    const wrong = `${publicUrl}/confirm/${'0'.repeat(22)}`
    const languageOf = async (url: string, language?: string) => {
      const { html } = await ask(clinic, 'GET', url, null, language === undefined ? {} : { language })
      return /<html lang="([^"]+)" dir="([^"]+)">/.exec(html)?.slice(1).join(' ')
    }
    expect(await languageOf(wrong, 'xx, de;q=0.3, ar-EG;q=0.8, fr;q=0')).toBe('ar rtl')
    expect(await languageOf(wrong, 'fr;q=0, *')).toBe('en ltr')
    expect(await languageOf(wrong)).toBe('en ltr')
    clinic.host.organizationRows.set(organizationId, { id: organizationId, name: 'Harbour Clinic', locale: 'fa-IR' })
    await clinic.clock.advance(24 * 3_600_000)
    expect(await languageOf(at('confirm'))).toBe('fa rtl')
    expect(await languageOf(at('confirm'), 'de-CH')).toBe('de ltr')
    const { html } = await ask(clinic, 'POST', wrong, 'x'.repeat(2_000_000), { language: 'de' })
    expect(html).toContain('<html lang="de"')
  })

  it('that was revoked stays so when the message is sent again', async () => {
    const texts: string[] = []
    const flaky = capture({
      fail(message) {
        texts.push(message.text)
        return texts.length < 2 ? new TransportError('Busy.', { outcome: 'transient', code: 'busy' }) : null
      },
    })
    await using clinic = await open({ transports: [flaky] })
    await clinic.settings.createOrganizationSettings(organizationId, {
      emailTemplates: { appointment_confirmation: body },
    })
    clinic.host.book({ id: 42, startsAt: '2031-03-10T10:00:00', recipients: [{ ...ada, phone: null }] })
    await clinic.start()
    await clinic.notifications.appointmentBooked(42)
    await clinic.clock.advance(1000)
    const [url = ''] = urlsIn(texts[0]).filter((one) => one.includes('/preferences/'))
    expect((await ask(clinic, 'GET', url)).status).toBe(200)
    await clinic.links.revoke({ organizationId, recipient: { type: 'PATIENT', id: 12 } })
    await clinic.clock.advance(3_600_000)
    expect(texts).toHaveLength(2)
    expect(texts[1]).toBe(texts[0])
    expect((await ask(clinic, 'GET', url)).status).toBe(404)
  })

  it('is limited for each link, and by tokens that are none for each sender', async () => {
    await using clinic = await open()
    const { urls, at } = await linksOf(clinic)
    const sender = '203.0.113.9'
    const statuses: number[] = []
    for (let count = 0; count < 31; count += 1) statuses.push((await ask(clinic, 'GET', at('preferences'))).status)
    expect([statuses.filter((one) => one === 200).length, statuses.at(-1)]).toEqual([30, 429])
    await clinic.clock.advance(60_000)
    // Many people may open their links from one address.
    const used: number[] = []
    for (const url of urls) {
      for (let count = 0; count < 30; count += 1) used.push((await ask(clinic, 'GET', url, null, { sender })).status)
    }
    expect(new Set(used)).toEqual(new Set([200]))
    const tried = Array.from(
      { length: 121 },
      (_, count) => `${publicUrl}/preferences/${String(count).padStart(22, '0')}`,
    )
    const last: number[] = []
    for (const url of tried) last.push((await ask(clinic, 'GET', url, null, { sender })).status)
    expect([last.filter((one) => one === 404).length, last.at(-1)]).toEqual([120, 429])
    await clinic.clock.advance(30_000)
    expect((await ask(clinic, 'GET', at('confirm'), null, { sender })).status).toBe(429)
    await clinic.clock.advance(30_000)
    for (const other of [sender, '203.0.113.10']) {
      expect((await ask(clinic, 'GET', at('confirm'), null, { sender: other })).status).toBe(200)
    }
    // Whoever is refused keeps nobody else from a link.
    for (const url of tried) await ask(clinic, 'GET', url, null, { sender })
    for (let count = 0; count < 31; count += 1)
      expect((await ask(clinic, 'GET', at('confirm'), null, { sender })).status).toBe(429)
    expect((await ask(clinic, 'GET', at('confirm'), null, { sender: '203.0.113.10' })).status).toBe(200)
  })
})

describe('the page of preferences', () => {
  const boxes = (html: string): string[] =>
    [...html.matchAll(/<input type="checkbox" name="([^"]+)" value="([^"]+)"( checked)?>/g)].flatMap(
      ([, name, value, on]) => (on === undefined ? [] : [`${name}=${value}`]),
    )
  const shownIn = (html: string): string => /name="shown" value="([^"]*)"/.exec(html)?.[1] ?? ''
  const save = (clinic: Clinic, url: string, fields: readonly (readonly [string, string])[]) =>
    ask(
      clinic,
      'POST',
      url,
      String(new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value]))),
    )

  it('shows what the person gets, with the address masked', async () => {
    await using clinic = await open()
    const { at } = await linksOf(clinic)
    const { html } = await ask(clinic, 'GET', at('preferences'))
    expect(html).toContain('a***@example.org')
    expect(html).not.toContain('ada@example.org')
    expect(boxes(html)).toEqual(expect.arrayContaining(['EMAIL.REMINDER=on', 'SMS.WAITLIST=on', 'EMAIL.offsets=24h']))
    expect(html).toContain('24 hours')
  })

  /** What is not sent to Ada by her own word. */
  const refusedOf = async (clinic: Clinic) =>
    (await clinic.settings.effectivePreferences({ type: 'PATIENT', id: 12 })).decisions.flatMap((one) =>
      one.reasons.some((rule) => rule.endsWith('_by_recipient')) ? [`${one.channel}.${one.category}`] : [],
    )
  const asFields = (list: readonly string[]) =>
    list.map((box) => box.split('=')).map(([name = '', value = '']) => [name, value] as const)

  it('changes what the person changed, nothing else, and back', async () => {
    await using clinic = await open()
    const { at } = await linksOf(clinic)
    const { html } = await ask(clinic, 'GET', at('preferences'))
    const kept = boxes(html).filter((box) => box !== 'EMAIL.WAITLIST=on' && box !== 'EMAIL.offsets=24h')
    const fields = asFields([...kept, 'EMAIL.offsets=2h'])
    const answer = await save(clinic, at('preferences'), [['shown', shownIn(html)], ...fields])
    expect(answer.html).toContain('Your choices have been saved.')
    expect(await refusedOf(clinic)).toEqual(['EMAIL.WAITLIST'])
    const stored = await clinic.settings.getPreferences({ type: 'PATIENT', id: 12 })
    expect(stored).toMatchObject({ emailReminders: ['2h'], smsReminders: null, textLanguage: null })
    const again = (await ask(clinic, 'GET', at('preferences'))).html
    expect(boxes(again)).not.toContain('EMAIL.WAITLIST=on')
    const all = asFields([...boxes(again), 'EMAIL.WAITLIST=on'])
    await save(clinic, at('preferences'), [['shown', shownIn(again)], ...all])
    expect(await refusedOf(clinic)).toEqual([])
  })

  it('stops everything by one button, and lets somebody back in', async () => {
    await using clinic = await open()
    const refuse = vi.spyOn(Consent.prototype, 'refuse')
    const { at } = await linksOf(clinic)
    const { html } = await save(clinic, at('preferences'), [['stop', 'all']])
    expect(html).toContain('You will get no more messages.')
    expect(await refusedOf(clinic)).toHaveLength(10)
    expect(refuse).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ how: 'link', wording: 'page:1 en' }))
    const page = (await ask(clinic, 'GET', at('preferences'))).html
    expect(boxes(page).filter((box) => box.endsWith('=on'))).toEqual([])
    await save(clinic, at('preferences'), [
      ['shown', shownIn(page)],
      ...asFields(['EMAIL.REMINDER=on', 'EMAIL.offsets=24h']),
    ])
    expect(await refusedOf(clinic)).not.toContain('EMAIL.REMINDER')
    expect(await refusedOf(clinic)).toContain('SMS.REMINDER')
  })

  it('is in the language of the person, from right to left where that is read so', async () => {
    await using clinic = await open()
    await clinic.settings.createOrganizationSettings(organizationId, { textLanguages: ['ar', 'de'] })
    clinic.host.book({ id: 42, startsAt: '2031-03-10T10:00:00', recipients: [{ ...ada, locale: 'ar' }] })
    await clinic.settings.updateOrganizationSettings(organizationId, {
      emailTemplates: { appointment_confirmation: '{preferences_url}' },
    })
    await clinic.start()
    await clinic.notifications.appointmentBooked(42)
    await clinic.clock.advance(1000)
    const [url = ''] = urlsIn(clinic.outbox.sent.find(({ channel }) => channel === 'EMAIL')?.text)
    const { html } = await ask(clinic, 'GET', url)
    expect(html).toContain('<html lang="ar" dir="rtl">')
    expect(html).toContain('<option value="de" lang="de">Deutsch</option>')
    await save(clinic, url, [
      ['shown', shownIn(html)],
      ['language', 'de'],
      ...boxes(html)
        .map((box) => box.split('='))
        .map(([name = '', value = '']) => [name, value] as const),
    ])
    expect((await ask(clinic, 'GET', url)).html).toContain('<html lang="de" dir="ltr">')
    expect((await clinic.settings.getPreferences({ type: 'PATIENT', id: 12 })).textLanguage).toBe('de')
  })

  it('uses a new address once it is proven', async () => {
    await using clinic = await open()
    const { at } = await linksOf(clinic)
    const { html } = await ask(clinic, 'GET', at('preferences'))
    const fields = boxes(html)
      .map((box) => box.split('='))
      .map(([name = '', value = '']) => [name, value] as const)
    const answer = await save(clinic, at('preferences'), [
      ['shown', shownIn(html)],
      ...fields,
      ['EMAIL.address', 'new@example.org'],
    ])
    expect(answer.html).toContain('We sent a link to the new address.')
    const proof = clinic.outbox.sent.at(-1)
    expect(proof?.to).toBe('new@example.org')
    const [url = ''] = urlsIn(proof?.text)
    const stored = () => clinic.settings.effectivePreferences({ type: 'PATIENT', id: 12 })
    const addressOf = async () => (await stored()).decisions.find(({ channel }) => channel === 'EMAIL')?.address
    expect(await addressOf()).toBe('ada@example.org')
    expect((await ask(clinic, 'GET', url)).html).toContain('n***@example.org')
    expect(await addressOf()).toBe('ada@example.org')
    expect((await ask(clinic, 'POST', url, '')).status).toBe(200)
    expect(await addressOf()).toBe('new@example.org')
    // Whoever has the message may not bring the address back later, nor prove another one by it.
    await clinic.settings.updatePreferences({ type: 'PATIENT', id: 12 }, { emailAddress: null })
    expect((await ask(clinic, 'GET', url)).status).toBe(404)
    for (const count of [2, 3, 4]) {
      const next = await save(clinic, at('preferences'), [['EMAIL.address', `new${count}@example.org`]])
      expect(next.html.includes('Please try again later')).toBe(count === 4)
      expect((await ask(clinic, 'POST', url, '')).status).toBe(404)
    }
    expect(await addressOf()).toBe('ada@example.org')
  })
})

describe('mail that can be refused', () => {
  const effectiveOf = async (clinic: Clinic, type: 'PATIENT' | 'CLIENT', id: number) => {
    const { decisions } = await clinic.settings.effectivePreferences({ type, id })
    const refused = decisions.filter(({ reasons }) => reasons.includes('category_disabled_by_recipient'))
    return refused.map(({ channel, category }) => `${channel}.${category}`)
  }
  /** A waitlist notice by e-mail to these people, who have one address or one reader. */
  const offered = async (recipients: readonly DirectoryRecipient[], more: Parameters<typeof openClinic>[1] = {}) => {
    const clinic = await open(more)
    await clinic.settings.createOrganizationSettings(organizationId, {
      emailTemplates: { waitlist_notification: 'Free: {preferences_url}' },
      smsEnabled: false,
    })
    clinic.host.book({ id: 42, startsAt: '2031-03-10T10:00:00', recipients: [...recipients] })
    clinic.host.waitlistRows.set(5, {
      id: 5,
      organizationId,
      recipients: [...recipients],
      timeZone: 'America/New_York',
    })
    await clinic.start()
    await clinic.notifications.notifyWaitlist(5)
    await clinic.clock.advance(1000)
    const mails = clinic.outbox.sent.filter(({ category }) => category === 'WAITLIST')
    const [page = ''] = urlsIn(mails[0]?.text)
    return { clinic, mails, click: mails[0]?.unsubscribeUrl ?? '', page }
  }
  const bo = { ...ada, id: 13, name: 'Bo', phone: '+14155550188' }

  it('to several people at one address is refused for all of them, and its page is about all of them', async () => {
    const { clinic, mails, click, page } = await offered([ada, bo])
    await using _ = clinic
    expect(mails.map(({ to }) => to)).toEqual(['ada@example.org'])
    const { html } = await ask(clinic, 'GET', page)
    expect(html).toContain('The message was for several people.')
    // What only one of them has is not for whoever reads the mail.
    expect(html).toContain('a***@example.org')
    expect(html).not.toMatch(/\+1|Bo|name="EMAIL.address"/)
    expect(await effectiveOf(clinic, 'PATIENT', 13)).toEqual([])
    expect((await ask(clinic, 'POST', click, 'List-Unsubscribe=One-Click')).status).toBe(200)
    for (const id of [12, 13]) expect(await effectiveOf(clinic, 'PATIENT', id)).toEqual(['EMAIL.WAITLIST'])
    await ask(clinic, 'POST', page, 'shown=EMAIL.WAITLIST%3D0&EMAIL.WAITLIST=on&EMAIL.address=eve%40example.org')
    for (const id of [12, 13]) expect(await effectiveOf(clinic, 'PATIENT', id)).toEqual([])
    expect(clinic.outbox.sent).toHaveLength(1)
    await clinic.links.revoke({ organizationId, recipient: { type: 'PATIENT', id: 12 } })
    await ask(clinic, 'POST', page, 'stop=all')
    const stopped = async (id: number) =>
      (await clinic.settings.getPreferences({ type: 'PATIENT', id })).emailEnabled === false
    expect([await stopped(12), await stopped(13)]).toEqual([false, true])
    await clinic.notifications.recipientDeleted({ type: 'PATIENT', id: 12 })
    expect((await ask(clinic, 'GET', page)).status).toBe(200)
  })

  it('gives nobody back what only another of those it is for gets', async () => {
    const { clinic, page } = await offered([ada, bo])
    await using _ = clinic
    const who = { recipient: { type: 'PATIENT', id: 12 } } as const
    await clinic.consent.refuse({ organizationId, who, channels: ['EMAIL'], how: 'link', wording: 'page:1' })
    const shown = 'shown=EMAIL.WAITLIST%3D0+EMAIL.REMINDER%3D1'
    await ask(clinic, 'POST', page, `${shown}&EMAIL.WAITLIST=on&EMAIL.REMINDER=on`)
    expect(await effectiveOf(clinic, 'PATIENT', 13)).toEqual([])
    expect(await effectiveOf(clinic, 'PATIENT', 12)).toEqual(['EMAIL.REMINDER'])
  })

  it('to a guardian is refused for the guardian, not for others who may be written to for the child', async () => {
    const guardian = { type: 'CLIENT', id: 8, name: 'Cy', email: 'cy@example.org' } as const
    const other = { type: 'CLIENT', id: 9, name: 'Di', email: 'di@example.org' } as const
    const child = { type: 'PATIENT', id: 14, name: 'Em', contactOrder: [guardian, other] } as const
    const { clinic, mails, click, page } = await offered([child])
    await using _ = clinic
    expect(mails.map(({ to }) => to)).toEqual(['cy@example.org'])
    // Who is not known by themselves refuses for the child.
    expect((await ask(clinic, 'GET', click)).status).toBe(200)
    for (const one of [guardian, other]) {
      clinic.host.recipientRows.set(`CLIENT:${one.id}`, { ...one, organizationId })
    }
    expect((await ask(clinic, 'GET', page)).html).toContain('c***@example.org')
    expect((await ask(clinic, 'POST', click, 'List-Unsubscribe=One-Click')).status).toBe(200)
    expect(await effectiveOf(clinic, 'CLIENT', 8)).toEqual(['EMAIL.WAITLIST'])
    expect(await effectiveOf(clinic, 'CLIENT', 9)).toEqual([])
    await clinic.notifications.notifyWaitlist(5)
    await clinic.clock.advance(1000)
    expect(clinic.outbox.sent.filter(({ category }) => category === 'WAITLIST').map(({ to }) => to)).toEqual([
      'cy@example.org',
      'di@example.org',
    ])
  })

  it('offers one click on waitlist notices, which refuses exactly those, twice without a fault', async () => {
    await using clinic = await open()
    const refuse = vi.spyOn(Consent.prototype, 'refuse')
    clinic.host.book({ id: 42, startsAt: '2031-03-10T10:00:00' })
    clinic.host.waitlistRows.set(5, { id: 5, organizationId, recipients: [ada], timeZone: 'America/New_York' })
    await clinic.start()
    await clinic.notifications.appointmentBooked(42)
    await clinic.notifications.notifyWaitlist(5)
    await clinic.clock.advance(1000)
    const mails = clinic.outbox.sent.filter(({ channel }) => channel === 'EMAIL')
    const offered = mails.map(({ category, unsubscribeUrl }) => [category, unsubscribeUrl !== null])
    expect(offered).toEqual([
      ['CONFIRMATION', false],
      ['WAITLIST', true],
    ])
    const url = mails[1]?.unsubscribeUrl ?? ''
    expect((await ask(clinic, 'GET', url)).html).toContain('Free appointments')
    expect(refuse).not.toHaveBeenCalled()
    const multipart = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    const first = await ask(clinic, 'POST', url, 'List-Unsubscribe=One-Click')
    const second = await ask(clinic, 'POST', url, multipart, { type: 'multipart/form-data; boundary=b' })
    expect([first.status, second.status]).toEqual([200, 200])
    expect(refuse).toHaveBeenLastCalledWith(expect.objectContaining({ how: 'one_click' }))
    const { decisions } = await clinic.settings.effectivePreferences({ type: 'PATIENT', id: 12 })
    const refused = decisions.filter(({ rule }) => rule === 'category_disabled_by_recipient')
    expect(refused.map(({ channel, category }) => [channel, category])).toEqual([['EMAIL', 'WAITLIST']])
  })
})

it('work where only the HTML of a mail has them, as a layout of the host may', () => {
  const links = new Links({ publicUrl, encryptionKeys: [testKey] })
  const recipient = { type: 'PATIENT', id: 1 } as const
  const about = {
    organizationId,
    recipient,
    readers: [recipient],
    appointmentId: 42,
    channel: 'EMAIL',
    category: 'REMINDER',
  } as const
  const html = `<a href="${publicUrl}/preferences/${mask}">`
  const filled = links.fill(
    { subject: 'S', text: 'T', html, template: null },
    { ...about, startsAt: null, messageKey: 'k', now: new Date(0) },
  )
  expect(filled.message.html).toMatch(/preferences\/[\w-]{22}"/)
  expect(filled.links).toHaveLength(1)
})
