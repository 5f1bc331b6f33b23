import { randomUUID } from 'node:crypto'
import { cp, glob, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { toSnake } from '../../src/schemas/fields.ts'
import { preferenceFields } from '../../src/schemas/preferences.ts'
import { settingsFields } from '../../src/schemas/settings.ts'
import { templateKeys } from '../../src/schemas/vocabulary.ts'
import { root } from '../package/manifest.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'

const auditPage = z.object({ entries: z.array(z.looseObject({ changes: z.array(z.unknown()).optional() })) })

/** The fields themselves, and what channels are made of. */
const tables = ['src/schemas/settings.ts', 'src/schemas/preferences.ts', 'src/channels/']

describe('a field more is one row', () => {
  /** What a commit that adds fields writes, by the line before which it stands. */
  const end = '} as const satisfies Fields'
  const commit = [
    [
      'src/schemas/settings.ts',
      end,
      "roomSide: { schema: z.enum(['left', 'right']), default: 'left', isAudited: true },",
    ],
    ['src/schemas/settings.ts', end, 'parkingHint: { schema: z.string().max(40), variable: "DEFAULT_PARKING_HINT" },'],
    ['src/schemas/settings.ts', end, 'doorCode: { schema: z.string().max(40), isSecret: true },'],
    ['src/schemas/preferences.ts', end, 'wantsCoffee: { schema: z.boolean(), isAudited: true },'],
    ['src/schemas/preferences.ts', end, 'nickname: { schema: z.string().max(40) },'],
  ] as const

  let folder: string
  let server: PostgresServer
  beforeAll(async () => {
    server = await openPostgres()
    folder = await mkdtemp(join(tmpdir(), 'field-more-'))
    for (const part of ['package.json', 'src', 'adapters', 'test/support', 'test/conformance']) {
      await cp(join(root, part), join(folder, part), { recursive: true })
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const [file, before, row] of commit) {
      const path = join(folder, file)
      const [head, ...tail] = (await readFile(path, 'utf8')).split(before)
      expect(tail).toHaveLength(1)
      await writeFile(path, `${head}${row}\n${before}${tail[0]}`)
    }
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** The library as that commit makes it. */
  const library = async () => {
    const at = <Part extends string>(part: Part) => join(folder, part)
    const src: typeof import('../../src/index.ts') = await import(at('src/index.ts'))
    const world: typeof import('../conformance/http/world.ts') = await import(at('test/conformance/http/world.ts'))
    const pg: typeof import('../../adapters/storage/postgres.ts') = await import(at('adapters/storage/postgres.ts'))
    const env: typeof import('../../src/environment.ts') = await import(at('src/environment.ts'))
    return { ...src, ...world, ...pg, ...env }
  }

  it.each(['sqlite', 'postgres'])('it is written, kept in %s, shown, masked and audited', async (kind) => {
    const { openWorld, ask, admin, postgres } = await library()
    const schema = `field_more_${randomUUID().slice(0, 8)}`
    await using world = await openWorld({
      bare: true,
      ...(kind === 'postgres' ? { storage: postgres({ url: server.url, schema }) } : {}),
    })
    const { organization_id: id, patient_id: patient } = world.own
    const request = async (method: string, path: string, body?: unknown) =>
      (await ask(world, { method, path, body, caller: admin })).answer

    const written = { room_side: 'right', parking_hint: 'behind the house', door_code: 'sesame' }
    const shown = { ...written, door_code: '********' }
    expect(await request('POST', '/settings/', written)).toMatchObject(shown)
    expect(await request('GET', `/settings/${id}`)).toMatchObject(shown)
    expect(await request('GET', `/debug/effective-settings/${id}`)).toMatchObject({ settings: shown })
    expect(await request('PUT', `/settings/${id}`, { room_side: 'middle' })).toMatchObject({
      errors: [{ field: 'room_side' }],
    })
    expect(
      await request('PUT', `/settings/${id}`, { room_side: null, parking_hint: null, door_code: null }),
    ).toMatchObject({ room_side: 'left', parking_hint: null, door_code: null })

    const wishes = { wants_coffee: false, nickname: 'Ada' }
    expect(await request('POST', '/preferences/patient/', { ...wishes, patient_id: Number(patient) })).toMatchObject(
      wishes,
    )
    expect(await request('PUT', `/preferences/patient/${patient}`, { nickname: null })).toMatchObject({
      wants_coffee: false,
      nickname: null,
    })
    expect(await request('GET', `/debug/preferences/${patient}`)).toMatchObject({
      preferences: { wants_coffee: false, nickname: null },
    })

    const { entries } = auditPage.parse(await request('GET', `/audit/${id}`))
    expect(entries.filter(({ changes }) => changes !== undefined)).toMatchObject([
      { action: 'preferences.updated', changes: [{ field: 'nickname' }] },
      {
        action: 'preferences.created',
        changes: [{ field: 'wants_coffee', from: null, to: false }, { field: 'nickname' }],
      },
      {
        action: 'settings.updated',
        changes: [{ field: 'room_side', from: 'right', to: null }, { field: 'parking_hint' }, { field: 'door_code' }],
      },
      {
        action: 'settings.created',
        changes: [{ field: 'room_side', from: null, to: 'right' }, { field: 'parking_hint' }, { field: 'door_code' }],
      },
    ])
    const told = JSON.stringify(entries) + world.log.lines.join('')
    for (const value of ['sesame', 'behind the house', 'Ada']) expect(told).not.toContain(value)
  })

  it('it is in the description of the API, in the schemas of forms, and in the environment', async () => {
    const { openWorld, openApiDocument, readEnvironment, ...schemas } = await library()
    await using world = await openWorld({ bare: true })
    const described = objectsIn(openApiDocument(world.endpoints))
    const withField = (name: string) => described.filter((properties) => properties.includes(name)).length
    expect(withField('default_country')).toBeGreaterThan(1)
    for (const name of ['room_side', 'parking_hint', 'door_code']) {
      expect([name, withField(name)]).toEqual([name, withField('default_country')])
    }
    expect(withField('phone_number')).toBeGreaterThan(1)
    for (const name of ['wants_coffee', 'nickname']) {
      expect([name, withField(name)]).toEqual([name, withField('phone_number')])
    }
    expect(schemas.organizationSettingsInput.parse({ roomSide: 'left' })).toEqual({ roomSide: 'left' })
    expect(schemas.preferencesInput.parse({ wantsCoffee: true })).toEqual({ wantsCoffee: true })
    expect(schemas.secretFields).toContain('doorCode')
    expect(readEnvironment({ DEFAULT_PARKING_HINT: 'left' }).defaults).toMatchObject({ parkingHint: 'left' })
  })
})

/** The names of the fields of every object that a document describes. */
const objectsIn = (part: unknown): (readonly string[])[] =>
  typeof part !== 'object' || part === null
    ? []
    : Object.entries(part).flatMap(([key, value]) => [
        ...(key === 'properties' ? [Object.keys(Object(value))] : []),
        ...objectsIn(value),
      ])

/** Where fields are used by their names, beside their rows. All else is made from the rows. */
const uses: Readonly<Record<string, string>> = {
  // Who gets what.
  'src/domain/effective.ts':
    'defaultCountry detailLevels optOuts practitionerNotifications remindersByKind textLanguage',
  'src/domain/reminder-time.ts': 'holidays workdays',
  'src/domain/plan.ts': 'pastReminders quietHours',
  'src/domain/due.ts': 'confirmedReminders',
  'src/domain/timely.ts': 'quietHours',
  'src/services/delivery/daily-budget.ts': 'dailyBudget',
  'src/services/delivery/daily-cap.ts': 'quietHours',
  'src/services/shared/accounts/account-review.ts': 'calendarFiles quietHours',
  'src/services/planning/prepare-plans.ts': 'settleMs',
  'src/services/delivery/calendar-files.ts': 'calendarFiles',
  'src/services/delivery/process-due.ts': 'calendarFiles',
  'src/services/delivery/checked.ts': 'calendarFiles',
  'src/services/delivery/decisions.ts': 'unknownOutcome',
  'src/services/delivery/failed-attempt.ts': 'unknownOutcome',
  'src/services/delivery/fallbacks.ts': 'unknownOutcome',
  'src/services/delivery/intent.ts': 'calendarFiles mailLayout unknownOutcome unsubscribeCategories',
  'src/services/shared/knowledge.ts': 'defaultCountry mailLayout practitionerNotifications textLanguage textLanguages',
  'src/services/messages/notices.ts': 'settleMs',
  'src/services/messages/worded.ts': 'smsPlainCharacters templatePartials',
  'src/services/messages/template-preview.ts': 'defaultCountry messagePrices smsPlainCharacters textLanguages',
  // Names on the wire, in stored answers.
  'src/services/privacy/answers.ts': 'email_address phone_number',
  'src/services/privacy/erasure.ts': 'optOuts',
  'src/services/planning/dry-run.ts': 'confirmedReminders defaultCountry messagePrices',
  // What a change must bring along, and what is wrong with it.
  'src/services/insight/check-up.ts': 'textLanguages',
  'adapters/cli/commands/settings.ts': 'smsEnabled',
  'adapters/cli/commands/templates.ts': 'emailTemplates smsTemplates templatePartials',
  'src/services/insight/explain-waiting.ts': 'defaultCountry',
  'src/services/insight/attention.ts': 'defaultCountry phoneNumber',
  'src/services/settings/recipient-preferences.ts': 'defaultCountry',
  'src/services/settings/settings-patch.ts':
    'calendarFiles emailTemplates quietHours smsTemplates templatePartials textLanguages',
  'src/services/settings/template-versions.ts': 'emailTemplates smsTemplates templatePartials',
  'src/services/settings/template-checks.ts': 'detailLevels mailLayout templatePartials',
  'src/services/settings/test-message.ts': 'defaultCountry',
  'src/services/settings/written-numbers.ts': 'defaultCountry',
  'src/security/outbound-guard.ts': 'emailSmtpHost emailSmtpPort',
  'adapters/transport/smtp/connection.ts': 'emailSmtpHost emailSmtpPort emailSmtpSecurity',
  'adapters/transport/smtp/failures.ts': 'emailSmtpPort',
  // Migrations, which are never edited.
  'adapters/storage/kysely/every-migration.ts':
    'always_name_time_zone ask_for_answers brand_color calendar_files confirmed_reminders daily_budget default_country detail_levels email_smtp_security holidays mail_layout message_prices one_message_per_day opt_outs quiet_hours reminders_by_kind settle_ms sms_plain_characters template_partials text_language text_languages unsubscribe_categories workdays',
  // The examples of the document.
  'src/http/problem.ts': 'email_reminders',
  'src/http/routes/preferences.ts':
    'email_address email_enabled email_reminders phone_number sms_enabled sms_reminders',
  'src/http/routes/settings.ts':
    'default_email_reminders default_sms_reminders email_enabled email_from_address email_from_name email_password email_smtp_host email_smtp_port email_templates email_username sms_enabled sms_templates',
  'src/http/shapes/common.ts': 'email_templates',
  'src/http/routes/templates.ts': 'email_templates message_prices',
  'src/http/shapes/reminders.ts': 'message_prices',
  // The option of the same name, and what comes of both.
  'src/options.ts': 'mailLayout settleMs',
  'src/option-values.ts': 'mailLayout settleMs',
  'src/services/shared/context.ts': 'settleMs',
  'src/services/shared/service-options.ts': 'settleMs',
  'src/services/planning/lifecycle-notices.ts': 'settleMs',
  'src/services/planning/plan-draft.ts': 'settleMs',
  // Answers, consent and links.
  'src/domain/consent.ts': 'optOuts',
  'src/http/shapes/statistics.ts': 'optOuts',
  'src/records/preferences.ts': 'optOuts',
  'src/schemas/brand-color.ts': 'brandColor',
  'src/schemas/mail-layout.ts': 'emailAddress',
  'src/services/shared/people.ts': 'defaultCountry',
  'src/services/insight/statistics.ts': 'optOuts',
  'src/services/links/calendar-download.ts': 'calendarFiles',
  'src/services/links/link-pages.ts': 'textLanguage',
  'src/services/links/opened.ts': 'brandColor',
  'src/services/links/preferences-form.ts': 'defaultCountry textLanguages',
  'src/services/settings/asked-answers.ts': 'askForAnswers dailyBudget oneMessagePerDay',
  'src/services/settings/contact-proof.ts': 'defaultCountry',
  'src/services/shared/asking.ts': 'askForAnswers templatePartials',
  // What templates are made of.
  'src/domain/audit.ts': 'templatePartials',
  'src/http/routes/template-versions.ts': 'emailTemplates email_templates smsTemplates templatePartials',
  'src/schemas/template-versions.ts': 'emailTemplates smsTemplates templatePartials',
  'src/schemas/channel-settings.ts': 'templatePartials',
  'src/services/shared/settings-view.ts': 'brandColor mailLayout templatePartials',
  'src/services/insight/check-up-log.ts': 'mailLayout',
  'src/services/messages/start-as-read.ts': 'alwaysNameTimeZone',
  // Other things of that name.
  'src/schemas/rules.ts': 'one_message_per_day',
  'src/services/delivery/one-message.ts': 'oneMessagePerDay one_message_per_day',
  'adapters/transport/receipts/ses.ts': 'emailAddress',
  'adapters/transport/aws-sns.ts': 'phoneNumber',
  'src/schemas/vocabulary.ts': 'detailLevels',
  'src/schemas/detail.ts': 'detailLevels',
  'src/schemas/host-variables.ts': 'detailLevels',
  'src/schemas/message-price.ts': 'messagePrices',
  'src/schemas/offset.ts': 'workdays',
  'src/schemas/quiet-hours.ts': 'quietHours',
  'src/schemas/email-address.ts': 'emailAddress',
  'src/schemas/phone-number.ts': 'defaultCountry phoneNumber',
}

it('names a field in its row and where it is used, and nowhere else', async () => {
  const names = [settingsFields, preferenceFields].flatMap((fields) => Object.keys(fields))
  // The keys of templates are words of their own, and `channels`, `fallback` and `retention` are.
  const known: ReadonlySet<string> = new Set([...templateKeys, 'channels', 'fallback', 'retention'])
  const words = [...new Set([...names, ...names.map(toSnake)])].filter((word) => !known.has(word))
  const named = new RegExp(`\\b(?:${words.join('|')})\\b`, 'g')
  const found: Record<string, string> = {}
  for await (const file of glob(['src/**/*.ts', 'adapters/**/*.ts'], { cwd: root })) {
    const code = (await readFile(join(root, file), 'utf8')).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    const inIt = [...new Set(code.match(named) ?? [])].sort().join(' ')
    if (inIt !== '' && !tables.some((table) => file.startsWith(table))) found[file] = inIt
  }
  expect(found).toEqual(uses)
})
