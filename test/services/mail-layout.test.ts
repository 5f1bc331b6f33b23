import { expect, it } from 'vitest'
import { admin, ask, authenticate } from '../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'

const publicUrl = 'https://clinic.example/api/notifications'
const emailTemplates = { appointment_confirmation: 'Welcome, {recipient_name}.' }
const mailLayout = {
  logoUrl: 'https://clinic.example/logo.png',
  footer: ['12 Harbour Road'],
  replyTo: 'desk@harbour.example',
}

async function open(settings: object, options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic('2031-03-01T09:00:00Z', { publicUrl, ...options })
  await clinic.settings.createOrganizationSettings(organizationId, {
    smsEnabled: false,
    defaultEmailReminders: [],
    emailTemplates,
    ...settings,
  })
  await clinic.start()
  return clinic
}

const previewOf = (clinic: Awaited<ReturnType<typeof open>>, template?: string) =>
  ask(clinic, {
    method: 'POST',
    path: `/templates/${organizationId}/preview`,
    caller: admin,
    body: { template_key: 'appointment_reminder', template },
  })

async function book(clinic: Awaited<ReturnType<typeof open>>) {
  clinic.host.book({ id: 42, startsAt: '2031-03-08T10:00:00', recipients: [ada, practitioner] })
  await clinic.notifications.appointmentBooked(42)
  await clinic.settle()
  return clinic.outbox.sent
}
const practitioner = { type: 'PRACTITIONER', id: 5, name: 'Dr. Smith', email: 'smith@harbour.example' } as const

it('puts the layout of the organization around its mails, and a working link to the page of preferences', async () => {
  await using clinic = await open({ mailLayout, practitionerNotifications: ['CONFIRMATION'] })
  const [mail, other] = await book(clinic)
  expect(mail?.html).toContain('<img src="https://clinic.example/logo.png" alt="Harbour Clinic"')
  expect(mail?.html).toContain('>Welcome, Ada Byron.</p>')
  expect(mail?.replyTo).toBe('desk@harbour.example')
  const link = /Your messages: (\S+)$/.exec(mail?.text ?? '')?.[1] ?? ''
  expect(mail?.html).toContain(`href="${link}"`)
  const path = link.slice(publicUrl.length)
  const readBody = async () => ({ kind: 'bytes', bytes: Buffer.from('') }) as const
  const page = await clinic.handle({ method: 'GET', path, query: '', headers: {}, native: null, readBody })
  expect(page.status).toBe(200)
  // A practitioner has no such page, and no such link.
  expect(other?.text).toBe('Welcome, Dr. Smith.\n\n12 Harbour Road')
})

it('leaves out the link where the organization does', async () => {
  await using clinic = await open({ mailLayout: { preferencesLink: false } })
  const [mail] = await book(clinic)
  expect(mail?.text).toBe('Welcome, Ada Byron.')
})

it('changes nothing where an organization has none', async () => {
  await using clinic = await open({})
  const [mail] = await book(clinic)
  expect(mail?.text).toBe('Welcome, Ada Byron.')
  expect(mail?.html).toBe(
    '<!doctype html><html lang="en-US"><head><meta charset="utf-8"></head><body><p>Welcome, Ada Byron.</p></body></html>',
  )
})

it('warns of mails that Gmail would cut off, where they are saved and where they are previewed', async () => {
  const clipped = (field: string) => [
    { field, code: 'mail_clipped', message: expect.stringMatching(/has 1\d\d KB; Gmail/) },
  ]
  await using clinic = await open(
    {},
    { authenticate, mailLayout: ({ document }) => `${'x'.repeat(100_000)}${JSON.stringify(document)}` },
  )
  const { settings } = clinic
  const long = { appointment_reminder: `{date} ${'x'.repeat(2000)}` }
  expect((await settings.updateTemplates(organizationId, { emailTemplates: long })).warnings).toEqual([])
  const huge = {
    appointment_reminder: { body: '{date}', variants: [{ kind: 'a', body: `${'&'.repeat(19_000)}\n\n{>more}` }] },
  }
  const templatePartials = { more: '&'.repeat(19_000) }
  const saved = await settings.updateTemplates(organizationId, { emailTemplates: huge, templatePartials })
  expect(saved.warnings).toEqual(clipped('emailTemplates.appointment_reminder.variants[0].body'))
  await settings.updateTemplates(organizationId, { emailTemplates: null })
  // The layout leaves no room for a long text, and little for a short one.
  const framed = await settings.updateOrganizationSettings(organizationId, { mailLayout: {} })
  expect(framed.warnings.filter(({ code }) => code === 'mail_clipped')).toEqual([])
  const update = await settings.updateTemplates(organizationId, { emailTemplates: long })
  expect(update.warnings).toEqual(clipped('emailTemplates.appointment_reminder'))
  const warnings = clipped('email_templates.appointment_reminder')
  expect(await previewOf(clinic)).toMatchObject({ answer: { warnings } })
  expect(await previewOf(clinic, long.appointment_reminder)).toMatchObject({ answer: { warnings } })
  expect(await previewOf(clinic, '{date}')).toMatchObject({ answer: { warnings: [] } })
  // Too long by itself, of which it is said once.
  expect(await previewOf(clinic, '"'.repeat(19_000))).toMatchObject({
    answer: { warnings: [{ code: 'mail_clipped' }] },
  })
})

it('warns of a layout that fills a mail by itself', async () => {
  await using clinic = await open({}, { mailLayout: () => 'x'.repeat(103_000) })
  const { warnings } = await clinic.settings.updateOrganizationSettings(organizationId, { mailLayout: {} })
  expect(warnings).toContainEqual(expect.objectContaining({ field: 'mailLayout', code: 'mail_clipped' }))
})

it('shows it in previews, and refuses what a mail program would not load', async () => {
  const layouts: string[] = []
  await using clinic = await open(
    { mailLayout: {}, brandColor: '#8a1538' },
    {
      authenticate,
      mailLayout: ({ brand, preferences }) => {
        layouts.push(`${brand.organization} ${brand.color} ${preferences?.label}`)
        return '<p>own</p>'
      },
    },
  )
  layouts.length = 0
  const preview = await previewOf(clinic)
  expect([preview.status, layouts]).toEqual([200, ['Harbour Clinic #8a1538 Your messages']])
  const wrong = clinic.settings.updateOrganizationSettings(organizationId, {
    mailLayout: { logoUrl: 'http://clinic.example/logo.png' },
  })
  await expect(wrong).rejects.toThrow('mailLayout.logoUrl must be an address that begins with "https://"')
})
