import { describe, expect, it } from 'vitest'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import type { Store } from '../../src/records/store.ts'
import { ada, openClinic, organizationId } from '../support/clinic.ts'
import { migratedDatabase } from '../support/migrated-sqlite.ts'
import { sqlite as store } from '../support/stores.ts'

const now = '2026-03-18T12:00:00Z'
const undoes = (field: string) => ({ field, message: 'undoes what was published since the draft was made' })
const reminder = (body: string) => ({ emailTemplates: { appointment_reminder: body } })

async function clinicWith(body: string, options: Parameters<typeof openClinic>[1] = {}) {
  const clinic = await openClinic(now, options)
  await clinic.settings.createOrganizationSettings(organizationId, reminder(body))
  return clinic
}

describe('versions of templates', () => {
  it('of two editors, the second hears of the first', async () => {
    await using clinic = await clinicWith('Hello on {date}.')
    const { version: seen } = await clinic.settings.getTemplates(organizationId)
    const versions = clinic.templateVersions
    const [first, second] = [
      await versions.as({ kind: 'staff', id: 1 }).draft(organizationId, reminder('First, {date}.')),
      await versions.as({ kind: 'staff', id: 2 }).draft(organizationId, reminder('Second, {date}.')),
    ]
    expect([seen, first.version, second.version]).toEqual([1, 2, 3])
    await versions.publish(organizationId, first.version, { basedOn: seen })
    await expect(versions.publish(organizationId, second.version, { basedOn: seen })).rejects.toMatchObject({
      code: 'version_outdated',
      status: 412,
    })
    await expect(
      clinic.settings.updateTemplates(organizationId, reminder('Third, {date}.'), { basedOn: seen }),
    ).rejects.toMatchObject({ code: 'version_outdated' })
    expect((await clinic.settings.getTemplates(organizationId)).emailTemplates).toEqual({
      appointment_reminder: 'First, {date}.',
    })
    await expect(versions.publish(organizationId, second.version, { basedOn: 2 })).rejects.toMatchObject({
      code: 'confirmation_required',
      issues: [undoes('emailTemplates.appointment_reminder.body')],
    })
    await versions.publish(organizationId, second.version, { basedOn: 2, confirm: true })
    // The documented call publishes at once, whatever was published.
    expect(await clinic.settings.updateTemplates(organizationId, reminder('Fourth.'))).toMatchObject({ version: 4 })
    const { published, versions: all } = await versions.list(organizationId, { limit: 2 })
    expect([published, all.map(({ version }) => version)]).toEqual([4, [4, 3]])
    expect(all[1]).toMatchObject({ basedOn: 1, createdBy: { kind: 'staff', id: 2 }, publishedBy: { kind: 'service' } })
  })

  it('a draft does not undo what was published since, unless that is confirmed', async () => {
    await using clinic = await clinicWith('Hello on {date}.')
    const versions = clinic.templateVersions
    const draft = await versions.draft(organizationId, reminder('See you on {date}.'))
    // No text, no version.
    expect(await clinic.settings.updateTemplates(organizationId, { smsTemplates: {} })).toMatchObject({ version: 1 })
    const smsTemplates = { appointment_reminder: 'On {date}', appointment_confirmation: 'Booked: {date}' }
    await clinic.settings.updateTemplates(organizationId, { smsTemplates, templatePartials: { footer: 'Bye' } })
    const publish = (version: number, basedOn: number) => versions.publish(organizationId, version, { basedOn })
    await expect(publish(draft.version, 3)).rejects.toMatchObject({
      code: 'confirmation_required',
      issues: [
        undoes('smsTemplates.appointment_confirmation.body'),
        undoes('smsTemplates.appointment_reminder.body'),
        undoes('templatePartials.footer'),
      ],
    })
    expect(await clinic.settings.getTemplates(organizationId)).toMatchObject({ version: 3, smsTemplates })
    // Made anew, it has both.
    const anew = await versions.draft(organizationId, reminder('See you on {date}.'))
    expect(await publish(anew.version, 3)).toMatchObject({ version: 4 })
    expect(await versions.get(organizationId, 4)).toMatchObject({
      ...reminder('See you on {date}.'),
      smsTemplates,
      templatePartials: { footer: 'Bye' },
    })
    // The first says the same as what is published, but for what it would undo; and going back is meant to undo.
    expect(await publish(1, 4)).toMatchObject({ version: 5 })
  })

  it('nor does one from before anything was published', async () => {
    await using clinic = await openClinic(now)
    await clinic.settings.createOrganizationSettings(organizationId, {})
    const draft = await clinic.templateVersions.draft(organizationId, reminder('First.'))
    await clinic.settings.updateTemplates(organizationId, { smsTemplates: { appointment_reminder: 'S' } })
    const publish = (confirm: boolean) =>
      clinic.templateVersions.publish(organizationId, draft.version, { basedOn: 2, confirm })
    await expect(publish(false)).rejects.toMatchObject({ issues: [undoes('smsTemplates.appointment_reminder.body')] })
    expect(await publish(true)).toMatchObject({ version: 1, basedOn: null })
    expect(await clinic.settings.getTemplates(organizationId)).toMatchObject({ smsTemplates: {}, version: 1 })
  })

  it('as many drafts are kept as somebody works on; one can be discarded', async () => {
    await using clinic = await clinicWith('One.')
    const versions = clinic.templateVersions.as({ kind: 'staff', id: 7 })
    const draft = () => versions.draft(organizationId, reminder('Two.'))
    for (let count = 0; count < 100; count += 1) await draft()
    await expect(draft()).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(
        'has 100 drafts, as many as it may keep: publish or discard one first, such as version 2,',
      ),
    })
    await versions.publish(organizationId, 2, { basedOn: 1 })
    expect(await draft()).toMatchObject({ version: 102 })
    await expect(draft()).rejects.toMatchObject({ code: 'invalid_input' })
    expect(await versions.discard(organizationId, 102)).toMatchObject({ version: 102, publishedAt: null })
    await expect(versions.get(organizationId, 102)).rejects.toMatchObject({ code: 'template_version_not_found' })
    expect(await draft()).toMatchObject({ version: 103 })
    await expect(versions.discard(organizationId, 102)).rejects.toMatchObject({ code: 'template_version_not_found' })
    for (const published of [1, 2])
      await expect(versions.discard(organizationId, published)).rejects.toMatchObject({
        code: 'invalid_input',
        field: 'version',
      })
    const { entries } = await clinic.audit.list(organizationId)
    expect(entries.filter(({ action }) => action === 'templates.discarded')).toMatchObject([
      { actor: { kind: 'staff', id: 7 }, detail: { version: 102 } },
    ])
  })

  it('a change that drops a variable or an answer is confirmed', async () => {
    const hooks = { onConfirm: async () => {}, onChangeRequest: async () => {} }
    const publicUrl = 'https://clinic.example/n'
    await using clinic = await clinicWith('On {date} at {location}: {confirm_url}', { hooks, publicUrl })
    const draft = await clinic.templateVersions.draft(organizationId, reminder('On {date}.'))
    const dropped = [
      { field: 'emailTemplates.appointment_reminder', message: 'no longer says {location}' },
      { field: 'emailTemplates.appointment_reminder', message: 'no longer offers {confirm_url}' },
    ]
    expect(draft.dropped).toEqual(dropped)
    const publish = (confirm?: boolean) =>
      clinic.templateVersions.publish(organizationId, draft.version, { basedOn: 1, confirm })
    await expect(publish()).rejects.toMatchObject({ code: 'confirmation_required', status: 409, issues: dropped })
    // What the built-in text says is not dropped, but an answer is.
    const none = await clinic.templateVersions.draft(organizationId, { emailTemplates: null })
    expect(none.dropped).toEqual(dropped.slice(1))
    expect(await publish(true)).toMatchObject({ version: 2, publishedAt: new Date(now) })
    // What moves to a variant is dropped for the others.
    const moved = { appointment_reminder: { body: 'Soon.', variants: [{ kind: 'a', body: '{date}' }] } }
    const kept = await clinic.templateVersions.draft(organizationId, { emailTemplates: moved })
    expect(kept.dropped).toEqual([{ field: 'emailTemplates.appointment_reminder', message: 'no longer says {date}' }])
    expect((await clinic.templateVersions.draft(organizationId, { emailTemplates: null })).dropped).toEqual([])
  })

  it('a draft is made of what is published when it is kept', async () => {
    const storage = store(':memory:')
    let meanwhile = async () => {}
    const watched: Store = {
      ...storage,
      templateVersions: {
        ...storage.templateVersions,
        async draft(draft) {
          await meanwhile()
          return storage.templateVersions.draft(draft)
        },
      },
    }
    await using clinic = await clinicWith('One.', { storage: watched })
    meanwhile = async () => {
      meanwhile = async () => {}
      await clinic.settings.updateTemplates(organizationId, { smsTemplates: { appointment_reminder: 'S' } })
    }
    const draft = await clinic.templateVersions.draft(organizationId, reminder('Two.'))
    expect(draft).toMatchObject({ version: 3, basedOn: 2 })
    expect(await clinic.templateVersions.get(organizationId, 3)).toMatchObject({
      emailTemplates: { appointment_reminder: 'Two.' },
      smsTemplates: { appointment_reminder: 'S' },
    })
  })

  it('are compared text by text, and can be gone back to', async () => {
    await using clinic = await clinicWith('One {date}.')
    const changed = {
      emailTemplates: { appointment_reminder: { subject: 'S', body: 'Two {date}. {>footer}' } },
      templatePartials: { footer: 'Bye' },
    }
    await clinic.settings.updateTemplates(organizationId, changed)
    expect(await clinic.templateVersions.diff(organizationId, 2, 1)).toEqual([
      { field: 'emailTemplates.appointment_reminder.body', from: 'One {date}.', to: 'Two {date}. {>footer}' },
      { field: 'emailTemplates.appointment_reminder.subject', from: null, to: 'S' },
      { field: 'templatePartials.footer', from: null, to: 'Bye' },
    ])
    expect(await clinic.templateVersions.diff(organizationId, 2)).toEqual([])
    const back = await clinic.templateVersions.publish(organizationId, 1, { basedOn: 2 })
    expect(back).toMatchObject({ version: 3, basedOn: 2 })
    expect(await clinic.templateVersions.get(organizationId, 3)).toMatchObject({
      emailTemplates: { appointment_reminder: 'One {date}.' },
      templatePartials: {},
    })
    expect(await clinic.templateVersions.diff(organizationId, 3, 1)).toEqual([])
    await expect(clinic.templateVersions.get(organizationId, 9)).rejects.toMatchObject({
      code: 'template_version_not_found',
    })
  })

  it('are kept with each message, and audited; drafts are sent to nobody', async () => {
    await using clinic = await clinicWith('Hello {recipient_name}.')
    await clinic.templateVersions
      .as({ kind: 'staff', id: 7 })
      .draft(organizationId, reminder('Draft {recipient_name}.'))
    clinic.host.book({ id: 1, startsAt: '2026-03-20T12:00:00Z' })
    await clinic.notifications.scheduleReminders(1, { customReminders: [24] })
    await clinic.start()
    await clinic.clock.advance(25 * 3_600_000)
    expect(clinic.outbox.sent.map(({ text }) => text)).toContain(`Hello ${ada.name}.`)
    const { notifications } = await clinic.notifications.history({})
    expect(notifications.find(({ channel }) => channel === 'EMAIL')?.templateRevision).toMatch(/^custom:[0-9a-f]{8}:1$/)
    const { entries } = await clinic.audit.list(organizationId)
    expect(entries.filter(({ action }) => action === 'templates.drafted')).toMatchObject([
      { actor: { kind: 'staff', id: 7 }, detail: { version: 2 } },
    ])
    expect(entries.find(({ action }) => action === 'settings.created')).toMatchObject({ detail: { version: 1 } })
  })

  it('texts from before there were versions become the first', async () => {
    const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const
    const database = await migratedDatabase(ids)
    await using clinic = await clinicWith('Old.', { storage: sqlite({ database }) })
    database.exec('update notification_settings set template_version = null, template_versions = null')
    database.exec('delete from notification_template_versions')
    await clinic.settings.updateTemplates(organizationId, reminder('New.'))
    const { versions } = await clinic.templateVersions.list(organizationId)
    expect(versions.map(({ version, publishedBy }) => [version, publishedBy?.kind])).toEqual([
      [2, 'service'],
      [1, 'system'],
    ])
  })

  it('a text that others name is checked with all of them, before anything is stored', async () => {
    await using clinic = await clinicWith('x')
    const named = { ...reminder('{>a}'), templatePartials: { a: 'A {date}' } }
    await clinic.settings.updateTemplates(organizationId, named)
    await expect(clinic.settings.updateTemplates(organizationId, { templatePartials: { a: '{>a}' } })).rejects.toThrow(
      'templatePartials.a, line 1, column 1: {>a} > {>a} would contain itself',
    )
    await expect(clinic.settings.updateTemplates(organizationId, { templatePartials: null })).rejects.toThrow(
      'emailTemplates.appointment_reminder, line 1, column 1: {>a} names a text that is not there',
    )
    await expect(clinic.templateVersions.draft(organizationId, reminder('{nobody}'))).rejects.toMatchObject({
      code: 'template_invalid',
    })
    expect(await clinic.templateVersions.list(organizationId)).toMatchObject({ published: 2 })
  })
})
