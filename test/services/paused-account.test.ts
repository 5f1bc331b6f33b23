import { afterEach, describe, expect, it } from 'vitest'
import { type SmtpOptions, smtp } from '../../adapters/transport/smtp.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { type SmtpTestServer, startSmtpServer } from '../support/smtp-server.ts'

const couple = [
  { ...ada, phone: null },
  { ...ada, id: 13, name: 'Ben Byron', email: 'ben@example.org', phone: null },
]
const username = 'clinic@example.org'
const right = 'right-password'

let server: SmtpTestServer | null = null
afterEach(async () => {
  await server?.close()
  server = null
})

/** A clinic whose organization signs in somewhere with the wrong password, and two messages to send. */
async function withWrongPassword(port: number, options: SmtpOptions, host = '127.0.0.1') {
  const clinic = await openClinic('2026-03-18T12:00:00Z', { transports: [smtp(options)] })
  await clinic.settings.createOrganizationSettings(organizationId, {
    emailSmtpHost: host,
    emailSmtpPort: port,
    emailUsername: username,
    emailPassword: 'wrong-password',
  })
  clinic.host.book({ id: 1, startsAt: '2026-03-20T15:00:00Z', recipients: couple })
  await clinic.start()
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  return {
    ...clinic,
    /** What happens over a socket takes its time, and the clock of the test stands still meanwhile. */
    eventually: <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 5000, interval: 5 }),
    warnings: () => clinic.log.lines.filter((line) => line.includes('account paused')).map((line) => JSON.parse(line)),
    email: async () => (await clinic.settings.effectiveSettings(organizationId)).channels.EMAIL,
    deferrals: async () => (await clinic.notifications.explain(1)).filter(({ rule }) => rule === 'account_paused'),
    async [Symbol.asyncDispose]() {
      await clinic[Symbol.asyncDispose]()
    },
  }
}

describe('an account that is refused', () => {
  it('is reported once, tried by one message at a time, and shown as paused until it works again', async () => {
    server = await startSmtpServer({ credentials: { username, password: right } })
    await using clinic = await withWrongPassword(server.port, { allowPrivateHosts: true })
    const { eventually, warnings, email, deferrals } = clinic
    await eventually(async () => (await deferrals()).length).toBe(2)
    const reported = {
      message: 'account paused: due messages wait until it works again',
      organizationId,
      channel: 'EMAIL',
      code: 'smtp_535',
      account: 'organization',
      fault: 'The mail server answered 535 to AUTH. Check the user name and the password.',
    }
    expect(warnings()).toEqual([reported])
    const paused = { enabled: true, provider: 'smtp', source: 'organization', fault: 'account_paused' }
    const since = new Date('2026-03-18T12:00:00Z')
    const until = new Date('2026-03-18T12:00:03.750Z')
    const { enabled, ...state } = {
      ...paused,
      pause: { code: 'smtp_535', message: reported.fault, since, until },
      pausedDestinations: [],
    }
    const accountId = expect.stringMatching(/-email$/)
    expect(await email()).toEqual({ enabled, ...state, accounts: [{ accountId, ...state }] })
    const [first] = await deferrals()
    expect(first?.because).toBe(
      'the account is paused: its provider refused it or could not be reached; sent when it works again',
    )

    // One of the two tries it again, then the other, and the waits grow.
    await clinic.clock.advance(3750)
    await eventually(async () => (await deferrals()).length).toBe(3)
    await eventually(email).toMatchObject({ pause: { since, until: new Date('2026-03-18T12:00:11.250Z') } })
    await clinic.clock.advance(7500)
    await eventually(async () => (await deferrals()).length).toBe(4)
    const tried = (await deferrals()).slice(2).map(({ recipient }) => recipient?.id)
    expect(new Set(tried)).toEqual(new Set([12, 13]))

    await clinic.settings.updateOrganizationSettings(organizationId, { emailPassword: right })
    expect(await email()).toMatchObject({ fault: null, pause: null })
    // At once: nobody waits for the next try with the old password.
    await eventually(() => server?.mails.length).toBe(2)
    expect(warnings()).toHaveLength(1)
    expect(await email()).toMatchObject({ fault: null, pause: null })
    expect(clinic.log.lines.join('\n')).not.toMatch(/password"|@example|Byron/)
  })

  it('is no longer shown as paused when it was accepted again', async () => {
    server = await startSmtpServer({ credentials: { username, password: 'wrong-password' } })
    server.fault = { at: 'auth', how: { code: 535 } }
    await using clinic = await withWrongPassword(server.port, { allowPrivateHosts: true })
    await clinic.eventually(async () => (await clinic.email()).fault).toBe('account_paused')
    await clinic.eventually(async () => (await clinic.deferrals()).length).toBe(2)
    server.fault = null
    await clinic.clock.advance(5000)
    await clinic
      .eventually(async () => {
        await clinic.clock.advance(1000)
        return server?.mails.length
      })
      .toBe(2)
    await clinic.eventually(async () => (await clinic.email()).pause).toBeNull()
    expect(clinic.warnings()).toHaveLength(1)
    const sent = { status: 'SENT', attempts: 1 }
    const rows = async () => (await clinic.notifications.history()).notifications
    await clinic.eventually(rows).toMatchObject([sent, sent])
  })

  it('is reported in the same way where its host may not be connected to', async () => {
    await using clinic = await withWrongPassword(
      587,
      { lookup: async () => [{ address: '10.1.2.3' }] },
      'intranet.example',
    )
    await clinic.eventually(async () => (await clinic.deferrals()).length).toBe(2)
    expect(clinic.warnings()).toMatchObject([{ organizationId, code: 'outbound_refused' }])
    expect(await clinic.email()).toMatchObject({ fault: 'account_paused', pause: { code: 'outbound_refused' } })
  })
})
