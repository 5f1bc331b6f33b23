import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNotificationError } from '../../src/errors.ts'
import { type ApprovedFormat, checkApproved, renderApproved } from '../../src/messages/index.ts'
import { type ApprovedTemplate, approvedTemplateSet, templateFor } from '../../src/schemas/approved-templates.ts'
import { parseInput } from '../../src/schemas/common.ts'
import { bareFacts, facts } from './support.ts'

const format: ApprovedFormat = {
  kind: 'approved',
  detail: 2,
  nameFault: (name, transport) => (name.startsWith(transport ?? '') ? null : `must begin with ${transport}`),
  limit: { most: 120, unit: 'characters', sizeOf: (text) => text.length },
  longestValue: 40,
}

const template = (changes: Partial<ApprovedTemplate> = {}): ApprovedTemplate => ({
  language: 'en_US',
  name: 'reminder_1',
  body: 'Hello {{1}}, see you {{2}} at {{3}}. {{1}}, please be on time.',
  variables: ['patient_name', 'relative_day', 'time'],
  ...changes,
})

describe('an approved template', () => {
  it('is filled in the order of its variables, in its own language', () => {
    expect(renderApproved(format, template(), facts())).toEqual({
      subject: null,
      text: 'Hello Jane Doe, see you tomorrow at 2:00 PM. Jane Doe, please be on time.',
      html: null,
      template: {
        name: 'reminder_1',
        language: 'en_US',
        category: 'UTILITY',
        parameters: [
          { key: '1', name: 'patient_name', value: 'Jane Doe' },
          { key: '2', name: 'relative_day', value: 'tomorrow' },
          { key: '3', name: 'time', value: '2:00 PM' },
        ],
      },
      templateRevision: expect.stringMatching(/^approved:[0-9a-f]{8}$/),
    })
    // A German reads an English template, and an Englishman his own dates.
    const date = (locale: string) =>
      renderApproved(format, template({ body: '{{1}}', variables: ['date'] }), facts({ locale })).text
    expect(date('de')).toBe('January 15, 2024')
    expect(date('en-GB')).toBe('15 January 2024')
  })

  it('has no empty value, no line break and none that is too long, whatever the host has', () => {
    const body = '{{1}}, {{2}}, {{3}}'
    const variables = ['location', 'practitioner_name', 'duration_minutes']
    const told = (changes: Parameters<typeof facts>[0]) =>
      renderApproved(format, template({ body, variables }), bareFacts(changes))
    expect(told({}).text).toBe('-, -, -')
    expect(told({ location: ' Room\n 4\t{{2}} ', practitionerName: 'x'.repeat(99), durationMinutes: 30 }).text).toBe(
      `Room 4 {{2}}, ${'x'.repeat(39)}…, 30`,
    )
    fc.assert(
      fc.property(fc.string(), fc.string(), (location, practitionerName) => {
        const { template: filled } = told({ location, practitionerName })
        for (const { value } of filled?.parameters ?? []) {
          expect(value).toMatch(/^\S(?:.*\S)?$/u)
          expect(value).not.toMatch(/\s\s|[\p{Cc}\p{Cs}]/u)
        }
      }),
    )
  })

  it('whose variables have names is filled by these, wherever they are repeated', () => {
    const body = 'Hello {{first_name}}, see you at {{ hour }}. {{first_name}}!'
    const named = template({ body, variables: ['patient_name', 'time'], category: 'MARKETING' })
    expect(renderApproved(format, named, facts())).toMatchObject({
      text: 'Hello Jane Doe, see you at 2:00 PM. Jane Doe!',
      template: {
        category: 'MARKETING',
        parameters: [
          { key: 'first_name', name: 'patient_name', value: 'Jane Doe' },
          { key: 'hour', name: 'time', value: '2:00 PM' },
        ],
      },
    })
    const checking = { words: { one: 'a telex' }, content: format, field: 'telex' }
    checkApproved(checking, { appointment_reminder: [named] }, [])
  })

  it('names the time zone once, where it is to be named', () => {
    const start = { instant: new Date('2024-01-15T14:00:00Z'), timeZone: 'Europe/London', namesZone: true }
    const told = (body: string, ...variables: string[]) =>
      renderApproved(format, template({ body, variables }), facts({ start })).text
    expect(told('{{1}}', 'time')).toBe('2:00 PM GMT')
    expect(told('{{1}} ({{2}})', 'time', 'time_zone')).toBe('2:00 PM (GMT)')
  })

  it('is cut to what one message takes, its longest value first', () => {
    const body = `${'a'.repeat(60)} {{1}} {{2}}`
    const { text, template: filled } = renderApproved(
      format,
      template({ body, variables: ['location', 'patient_name'] }),
      facts({ location: 'l'.repeat(40), patientName: 'p'.repeat(38) }),
    )
    expect(text).toHaveLength(120)
    expect(filled?.parameters.map(({ value }) => value)).toEqual([`${'l'.repeat(19)}…`, 'p'.repeat(38)])
  })

  it('has another revision whenever anything of it changes', () => {
    const revision = (changes: Partial<ApprovedTemplate>) =>
      renderApproved(format, template(changes), facts()).templateRevision
    const changes = [{}, { name: 'reminder_2' }, { language: 'en' }, { variables: ['patient_name', 'date', 'time'] }]
    expect(new Set(changes.map(revision)).size).toBe(4)
    expect(revision({})).toBe(revision({}))
  })
})

describe('the template for somebody', () => {
  const named = (...languages: string[]) => languages.map((language) => template({ language, name: language }))
  it.each([
    ['their own', ['en_US', 'es_MX'], ['es-MX', 'en-US'], 'es_MX'],
    ['their own region before others', ['es', 'es_ES', 'es_MX'], ['es-MX', 'en'], 'es_MX'],
    ['without a region before another one', ['es_ES', 'es'], ['es-MX', 'en'], 'es'],
    ['of another region', ['en_US', 'es_ES'], ['es-MX', 'en'], 'es_ES'],
    ["the organization's", ['en_US', 'es_MX'], ['de', 'en-GB'], 'en_US'],
    ["the organization's, where the person has no language", ['es', 'en_US'], [null, 'en-US'], 'en_US'],
    ['in a script that they read', ['zh_CN', 'zh_TW'], ['zh-HK'], 'zh_TW'],
    ['in Norwegian, whichever way it is called', ['nb'], ['no-NO', 'en'], 'nb'],
    ['in the same language by its older code', ['en', 'he'], ['iw-IL', 'en'], 'he'],
    ['in Dari, which is Persian of Afghanistan', ['fa', 'prs_AF'], ['fa-AF', 'en'], 'prs_AF'],
    ['none in another language', ['es'], ['de', 'en-US'], undefined],
    ['none in another script', ['zh_CN'], ['zh-Hant', 'en'], undefined],
    ['none for no language', ['en'], ['german', null, undefined], undefined],
  ])('is %s', (_what, languages, locales, name) => {
    expect(templateFor(named(...languages), locales)?.name).toBe(name)
  })
})

describe('what an organization names as approved templates', () => {
  const faults = (changes: Partial<ApprovedTemplate>, transports: readonly string[] = []) => {
    try {
      checkApproved({ words: { one: 'a telex' }, content: format, field: 'telex' }, of(template(changes)), transports)
      return []
    } catch (error) {
      if (!isNotificationError(error)) throw error
      expect(error.code).toBe('template_invalid')
      return error.issues.map(({ field, message }) => `${field} ${message}`)
    }
  }
  const of = (...templates: ApprovedTemplate[]) => ({ appointment_reminder: templates })
  const at = 'telex.appointment_reminder[0]'

  it.each<[string, Partial<ApprovedTemplate>, string]>([
    [
      'an unknown variable',
      { variables: ['patient_name', 'relativeDay', 'time'] },
      `${at}.variables[1] is wrong: {relativeDay} is not a known variable; did you mean {relative_day}? Known are`,
    ],
    [
      'a variable twice',
      { variables: ['patient_name', 'time', 'time'] },
      `${at}.variables[2] is {time} a second time: the text repeats a value by its own {{2}}`,
    ],
    [
      'numbers out of order',
      { body: '{{1}} {{3}} {{2}}' },
      `${at}.body has {{3}} before {{2}}: variables are numbered`,
    ],
    ['a number that is left out', { body: '{{1}} {{2}} {{4}}' }, `${at}.body has {{4}} and no {{3}}`],
    ['no first number', { body: '{{2}} {{3}} {{4}}' }, `${at}.body has {{2}} and no {{1}}`],
    [
      'a name beside a number',
      { body: 'Hello {{first_name}}, {{1}} {{2}}' },
      `${at}.body has both numbers and names: the variables of a template are either`,
    ],
    ['a name that is none', { body: 'Hello {{first name}}' }, `${at}.body has {{first name}}: variables are numbers`],
    [
      'names without variables',
      { body: 'Hello {{first_name}}' },
      `${at}.body has 1 variables, and "variables" lists 3`,
    ],
    [
      'a word for programs',
      { variables: ['patient_name', 'visit_mode', 'time'] },
      `${at}.variables[1] is wrong: {visit_mode} is a word by which templates choose their own`,
    ],
    ['nothing for a number', { body: 'Hello {{}}' }, `${at}.body has {{}}: variables are numbers`],
    ['a single brace', { body: 'Hello {1}' }, `${at}.body has a single brace: variables are written {{1}}`],
    ['fewer variables than numbers', { variables: ['time'] }, `${at}.body has 3 variables, and "variables" lists 1`],
    ['more variables', { body: '{{1}}' }, `${at}.body has 1 variables, and "variables" lists 3`],
    ['too long a text', { body: `${'x'.repeat(100)}{{1}}{{2}}{{3}}` }, `${at}.body with usual values it has`],
  ])('is refused in words: %s', (_what, changes, words) => {
    expect(faults(changes)).toEqual([expect.stringContaining(words)])
  })

  it('is refused for a name that who would send cannot have, and a language twice', () => {
    expect(faults({}, ['rem', 'HX'])).toEqual([`${at}.name must begin with HX`])
    const twice = of(template(), template({ name: 'other' }))
    expect(() => checkApproved({ words: { one: 'a telex' }, content: format, field: 'telex' }, twice, [])).toThrow(
      'telex.appointment_reminder[1].language is "en_US" a second time',
    )
    expect(faults({})).toEqual([])
    expect(faults({ body: 'See you soon.', variables: [] })).toEqual([])
  })

  it('is read as people write languages, and refused without one', () => {
    const read = (language: unknown) =>
      parseInput(approvedTemplateSet, { appointment_reminder: [{ ...template(), language }] }, 'templates')
    for (const [written, kept] of [
      ['pt-br', 'pt_BR'],
      ['en_us', 'en_US'],
      ['EN', 'en'],
      ['zh_hant_tw', 'zh_Hant_TW'],
      ['es-419', 'es_419'],
      // Preferred are fa_AF and he, which no provider calls these.
      ['prs_AF', 'prs_AF'],
      ['iw', 'iw'],
    ]) {
      expect(read(written).appointment_reminder?.[0]?.language).toBe(kept)
    }
    expect(() => read('german')).toThrow('appointment_reminder[0].language must be a language such as "en" or "pt_BR"')
    expect(() => read(undefined)).toThrow('appointment_reminder[0].language')
    expect(() => parseInput(approvedTemplateSet, { reminder: [] }, 'templates')).toThrow('reminder')
  })
})
