import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { capture } from '../../../adapters/transport/capture.ts'
import { smtp } from '../../../adapters/transport/smtp.ts'
import { listening } from '../../adapters/http/listening.ts'
import { contextFor, account as smtpAccount } from '../../adapters/transport/smtp/fixture.ts'
import { ask, authenticate, openWorld, service, type WireRequest } from '../../conformance/http/world.ts'
import { naughtyStrings } from '../../http/naughty.ts'
import { ada, openClinic } from '../../support/clinic.ts'
import { spentMs } from '../../support/spent.ts'
import { account, configure, openedWorld, passwordUsed, settingsPath } from './support.ts'

// The forms of an address, rebinding and pinning: test/security/outbound-guard.test.ts, test/adapters/transport/smtp/.
// The library follows no redirect: the only URLs it calls are the host application's own.
describe('SSRF (API7)', () => {
  test('whatever an organization types in, a server on this machine is not connected to', async () => {
    let connections = 0
    const server = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    server.listen(0, '127.0.0.1')
    const { origin, close } = await listening(server)
    const port = Number(new URL(origin).port)
    const attempts = async (allowPrivateHosts: boolean, hosts: readonly string[]) => {
      // Settings may be older than this check of what is saved: the send must not rest on it.
      const { inspect: _unasked, ...transport } = smtp({
        allowPrivateHosts,
        allowedPorts: [port],
        lookup: async () => [{ address: '127.0.0.1' }],
      })
      const { world } = await openedWorld([transport])
      await world.start()
      for (const host of hosts) {
        await configure(world, { ...account, email_smtp_host: host, email_smtp_port: port })
        await passwordUsed(world, [])
        await transport
          .verify?.(contextFor(port, { trusted: false, account: smtpAccount(port, { host }) }))
          .catch(() => {})
      }
      await world.stop()
    }
    const forms = ['127.0.0.1', 'localhost', 'localhost.', '2130706433', '0177.0.0.1', '0x7f.1', '127.1', '0.0.0.0']
    await attempts(false, [...forms, '[::ffff:127.0.0.1]', 'rebind.example'])
    expect(connections).toBe(0)
    await attempts(true, ['rebind.example'])
    expect(connections).toBeGreaterThan(0)
    await close()
  })
})

// Headers of mails: test/adapters/transport/smtp/. Templates and HTML: test/messages/injection.test.ts.
describe('injection', () => {
  test('names of the host come out of a subject and a sender as one line', async () => {
    const outbox = capture()
    const world = await openWorld({ transports: [outbox] })
    for (const [index, text] of ['A\r\nBcc: b@c.de', 'A\u0000B', 'A\u2028B', 'A\ud800B', 'A\nB'].entries()) {
      const put = await ask(world, {
        method: 'PUT',
        path: settingsPath(world),
        body: { email_from_name: text },
        caller: service,
      })
      expect(put.status).toBe(422)
      const id = 500 + index
      const recipient = { type: 'PATIENT', id, name: text, email: `p${id}@example.org` } as const
      world.host.book({
        id,
        startsAt: '2024-09-26T14:30:00',
        recipients: [recipient],
        practitionerName: text,
        location: text,
      })
      const body = { notification_type: 'confirmation', channel: 'EMAIL' }
      await ask(world, { method: 'POST', path: `/send/appointment/${id}`, body, caller: service })
    }
    await world.start()
    await world.clock.advance(10_000)
    const sent = outbox.sent.filter(({ to }) => /^p50\d@/.test(to))
    expect(sent).toHaveLength(5)
    for (const { subject, toName, fromName, to } of sent) {
      for (const line of [subject, toName, fromName, to]) expect(line ?? '').toMatch(/^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u)
    }
    await world.stop()
  })

  test.each([
    ['Locked: https://evil.example/login', 'Locked: https evil. example/login'],
    ['www.evil.example', 'www. evil. example'],
    ['💊.la', '💊. la'],
    ['J.R.R. Tolkien', 'J.R.R. Tolkien'],
    ['Dr. St.John, Ph.D.', 'Dr. St. John, Ph.D.'],
    ['ada@clinic.example', 'ada@clinic.example'],
  ])('a person named %s is no link for whoever gets the message', async (name, shown) => {
    await using clinic = await openClinic('2026-03-18T12:00:00Z')
    clinic.host.book({ id: 5, startsAt: '2026-04-01T15:00:00Z', recipients: [{ ...ada, name }] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(5, { category: 'CONFIRMATION', channel: 'EMAIL' })
    await clinic.settle()
    expect(clinic.outbox.sent[0]).toMatchObject({ toName: shown, text: expect.stringContaining(`Hello ${shown},`) })
  })

  test.each(['{constructor}', '{__proto__}', '{toString}', '{hasOwnProperty}'])(
    '%s is an unknown variable',
    async (body) => {
      const world = await openWorld()
      const templates = { email_templates: { appointment_reminder: body } }
      const { status, answer } = await ask(world, {
        method: 'PUT',
        path: settingsPath(world),
        body: templates,
        caller: service,
      })
      expect([status, answer]).toEqual([422, expect.objectContaining({ code: 'template_invalid' })])
      await world.stop()
    },
  )
})

// Prototype pollution, with the prototype frozen: test/http/pollution.alone.test.ts.

// Naughty strings in every text field: test/http/naughty.slow.test.ts. There is no sorting by request.
describe('SQL', () => {
  test('ids that are text are values in every statement', async () => {
    const ids = { appointment: 'text', recipient: 'text', waitlistEntry: 'text' } as const
    const clinic = await openClinic('2024-09-20T12:00:00Z', { authenticate, ids })
    clinic.host.book({ id: 'a1', startsAt: '2024-09-25T14:30:00', recipients: [{ ...ada, id: 'p1' }] })
    await clinic.notifications.scheduleReminders('a1')
    const get = (path: string) => ask(clinic, { method: 'GET', path, caller: service })
    const before = await get('/reminders/appointment/a1')
    expect(before.text).toContain('PENDING')
    for (const text of naughtyStrings.filter((one) => one !== '' && one.isWellFormed())) {
      const id = encodeURIComponent(text)
      const requests: WireRequest[] = [
        { method: 'GET', path: `/reminders/appointment/${id}`, caller: service },
        { method: 'DELETE', path: `/reminders/appointment/${id}`, caller: service },
        { method: 'GET', path: `/preferences/patient/${id}`, caller: service },
        { method: 'GET', path: `/settings/${id}`, caller: service },
        {
          method: 'GET',
          path: `/history/?appointment_id=${id}&organization_id=${id}&recipient_id=${id}`,
          caller: service,
        },
        { method: 'GET', path: `/statistics?organization_id=${id}`, caller: service },
      ]
      for (const request of requests) {
        const { status } = await ask(clinic, request)
        expect([request.path, status]).toEqual([request.path, expect.toBeOneOf([200, 400, 404, 422])])
      }
    }
    expect((await get('/reminders/appointment/a1')).text).toBe(before.text)
    await clinic.stop()
  })
})

// 413, chunked and already parsed, depth: test/conformance/http/suite.ts. Expressions: test/security/regexes.slow.test.ts.
describe('size', () => {
  test('an answer does not outgrow what it answers, nor does a list grow without end', async () => {
    const world = await openWorld()
    const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 1]))
    const organization = settingsPath(world)
    const variants = Object.keys(keys(100)).map((kind) => ({ kind, body: '{no}'.repeat(100) }))
    const appointment = `/reminders/appointment/${world.own['appointment_id']}`
    const requests: readonly (readonly [method: string, path: string, body: unknown])[] = [
      ['POST', appointment, keys(20_000)],
      ['POST', appointment, { ['k'.repeat(200_000)]: 1 }],
      ['POST', appointment, { custom_reminders: Array(60_000).fill('x') }],
      ['PUT', organization, { email_templates: keys(20_000) }],
      ['PUT', organization, { email_templates: { appointment_reminder: { variants } } }],
      ['PUT', organization, { practitioner_notifications: Array(20_000).fill('REMINDER') }],
      ['POST', appointment, `{"custom_reminders":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
      ['POST', appointment, `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`],
      ['GET', `/history/?${Object.keys(keys(30_000)).join('=1&')}=1`, undefined],
      ['GET', `/history/?${'k'.repeat(100_000)}=1`, undefined],
      ['GET', `/history/?cursor=${'A'.repeat(100_000)}`, undefined],
    ]
    for (const [method, path, body] of requests) {
      const began = spentMs()
      const { status, text } = await ask(world, { method, path, body, caller: service })
      expect([path.slice(0, 50), status, text.length < 50_000]).toEqual([path.slice(0, 50), 422, true])
      expect(spentMs() - began).toBeLessThan(2000)
    }
    // What is wrong with each is asked only of those that are shown.
    const before = spentMs()
    await ask(world, { method: 'PUT', path: organization, body: keys(20_000), caller: service })
    expect(spentMs() - before).toBeLessThan(250)
    const many = await ask(world, { method: 'POST', path: appointment, body: keys(60), caller: service })
    expect(Object(many.answer).errors).toHaveLength(50)
    expect(Object(many.answer).detail).toMatch(/; and 10 more\.$/)
    const locale = `en-x-${Array(20_000).fill('abcdefg').join('-')}`
    const path = `/templates/${world.own['organization_id']}/preview`
    const body = { template_key: 'appointment_reminder', locale }
    expect(await ask(world, { method: 'POST', path, body, caller: service })).toMatchObject({ status: 422 })
    await world.stop()
  })
})
