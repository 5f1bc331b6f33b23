import { expect, it } from 'vitest'
import type { SettingsValues } from '../../../src/index.ts'
import type { Store } from '../../../src/records/store.ts'
import { emptySettings } from '../../../src/schemas/settings.ts'
import { minutes, type Starter, t0 } from './harness.ts'
import { organizationId } from './rows.ts'

const clerk = { kind: 'staff', id: 7 } as const
const other = { kind: 'staff', id: 'x' } as const
const body = (text: string): Partial<SettingsValues> => ({ emailTemplates: { appointment_reminder: text } })
const contentOf = (text: string | null) => ({
  emailTemplates: text === null ? null : { appointment_reminder: text },
  smsTemplates: null,
  templatePartials: null,
})

async function organization(storage: Store, text: string | null = null) {
  const values = { ...emptySettings, ...(text === null ? {} : body(text)) }
  return storage.settings.create(organizationId, values, null, t0, clerk)
}

export function templateVersions({ migrated }: Starter): void {
  it('makes a version of what settings publish, and none of other changes', async () => {
    const { storage, another } = await migrated()
    expect(await organization(storage, 'a')).toMatchObject({ templateVersion: 1, templateVersions: 1 })
    const smsOff = await storage.settings.update(organizationId, { smsEnabled: false }, null, minutes(1), clerk)
    expect(smsOff).toMatchObject({ templateVersion: 1, templateVersions: 1, revision: 2 })
    await storage.settings.update(organizationId, body('b'), null, minutes(2), other)
    await storage.settings.update(organizationId, body('b'), null, minutes(3), other)
    await storage.settings.update(organizationId, { emailTemplates: null }, null, minutes(4), other)

    const reader = await another()
    const first = { version: 1, basedOn: null, createdAt: t0, createdBy: clerk, publishedAt: t0, publishedBy: clerk }
    const by = { createdBy: other, publishedBy: other }
    const second = { ...by, version: 2, basedOn: 1, createdAt: minutes(2), publishedAt: minutes(2) }
    const third = { ...by, version: 3, basedOn: 2, createdAt: minutes(4), publishedAt: minutes(4) }
    expect(await reader.templateVersions.list({ organizationId, limit: 10 })).toEqual([third, second, first])
    expect(await reader.templateVersions.list({ organizationId, before: 3, limit: 1 })).toEqual([second])
    expect(await reader.templateVersions.get(organizationId, 1)).toEqual({
      ...first,
      organizationId,
      content: contentOf('a'),
    })
    expect(await reader.templateVersions.get(organizationId, 3)).toMatchObject({ content: contentOf(null) })
    expect(await reader.templateVersions.get(organizationId, 4)).toBeNull()
    expect(await reader.templateVersions.get('another', 1)).toBeNull()
    expect(await reader.templateVersions.list({ organizationId: 'another', limit: 10 })).toEqual([])
  })

  it('keeps drafts beside what is published, and publishes one or what it says anew', async () => {
    const { storage } = await migrated()
    const draft = (text: string, basedOn: number | null = null) =>
      storage.templateVersions.draft({ organizationId, basedOn, content: contentOf(text), at: minutes(1), by: clerk })
    expect(await draft('x')).toBeNull()
    await organization(storage)
    const unpublished = { basedOn: null, createdAt: minutes(1), createdBy: clerk, publishedAt: null, publishedBy: null }
    // One after the other: of two at once either may be the first.
    expect([await draft('a'), await draft('b')]).toEqual([
      { ...unpublished, version: 1 },
      { ...unpublished, version: 2 },
    ])
    expect(await storage.settings.get([organizationId])).toMatchObject([
      { templateVersion: null, templateVersions: 2, revision: 1, emailTemplates: null },
    ])
    const publish = (text: string, publishes: number) =>
      storage.settings.update(organizationId, body(text), null, minutes(2), other, undefined, { publishes })
    expect(await publish('b', 2)).toMatchObject({ templateVersion: 2, templateVersions: 2 })
    // Made of what is published no more.
    expect(await draft('c')).toBeNull()
    const published = { ...unpublished, version: 2, publishedAt: minutes(2), publishedBy: other }
    expect(await storage.templateVersions.get(organizationId, 2)).toMatchObject(published)
    expect(await publish('a', 1)).toMatchObject({ templateVersion: 1, templateVersions: 2 })
    // One that was published before is a new one with its texts.
    expect(await publish('b', 2)).toMatchObject({ templateVersion: 3, templateVersions: 3 })
    expect(await storage.templateVersions.get(organizationId, 3)).toMatchObject({ basedOn: 1, content: contentOf('b') })
    expect(await storage.templateVersions.get(organizationId, 2)).toMatchObject(published)
  })

  it('discards drafts, and never what is published', async () => {
    const { storage } = await migrated()
    await organization(storage, 'a')
    await storage.settings.create('another', { ...emptySettings }, null, t0, clerk)
    const draft = (organizationId: string, basedOn: number | null) =>
      storage.templateVersions.draft({ organizationId, basedOn, content: contentOf('x'), at: minutes(1), by: clerk })
    for (let count = 0; count < 3; count += 1) await draft(organizationId, 1)
    await draft('another', null)
    expect(await storage.templateVersions.drafts(organizationId, 2)).toEqual([2, 3])
    const discard = (version: number) =>
      storage.templateVersions.discard({ organizationId, version, at: minutes(2), by: other })
    expect(await discard(1)).toBeNull()
    expect(await discard(9)).toBeNull()
    const gone = {
      version: 3,
      basedOn: 1,
      createdAt: minutes(1),
      createdBy: clerk,
      publishedAt: null,
      publishedBy: null,
    }
    const together = await Promise.all([discard(3), discard(3)])
    expect(together.filter((one) => one !== null)).toEqual([gone])
    await storage.settings.update(organizationId, body('x'), null, minutes(3), other, undefined, { publishes: 2 })
    expect(await discard(2)).toBeNull()
    expect(await storage.templateVersions.drafts(organizationId, 10)).toEqual([4])
    expect(await discard(4)).toMatchObject({ version: 4 })
    // A number is of one draft for ever.
    expect(await draft(organizationId, 2)).toMatchObject({ version: 5 })
    expect(await storage.templateVersions.drafts('another', 10)).toEqual([1])
  })

  it('publishes once of several who read the same settings', async () => {
    const { storage, another } = await migrated()
    await organization(storage, 'a')
    const stores = [storage, await another()]
    const written = await Promise.all(
      stores.map((one, index) => one.settings.update(organizationId, body(`b${index}`), null, t0, clerk, 1)),
    )
    expect(written.filter((row) => row !== null)).toHaveLength(1)
    expect(await storage.templateVersions.list({ organizationId, limit: 10 })).toHaveLength(2)
  })
}
