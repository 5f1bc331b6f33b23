import { describe, expect, test } from 'vitest'
import { variableNames } from '../../src/messages/index.ts'
import { checkTemplates, refusal, render, thrown } from './support.ts'

const warnings = (body: string) => checkTemplates('smsTemplates', { appointment_reminder: body })

describe('faults are refused with template, line and column', () => {
  test.each([
    ['Hello {patient_name', 1, 7, 'never closed'],
    ['Hello\r\n{date} and {}', 2, 12, 'empty'],
    ['{{date}}', 1, 1, 'single braces'],
    ['{patient name}', 1, 1, 'single braces'],
    ['See {date, foo}', 1, 12, 'none of number'],
    ['{duration_minutes, plural, one {#}}', 1, 35, '"other"'],
    ['😀 {nobody}', 1, 3, '{nobody} is not a known variable'],
  ])('%j', (body, line, column, words) => {
    const error = refusal(body)
    expect(error.code).toBe('template_invalid')
    expect(error.status).toBe(422)
    expect(error.message).toContain(`emailTemplates.appointment_reminder, line ${line}, column ${column}: `)
    expect(error.message).toContain(words)
    expect(error.issues).toHaveLength(1)
    expect(error.issues[0]?.field).toBe('emailTemplates.appointment_reminder')
  })

  test('an unknown variable is answered with the known ones and the one that was meant', () => {
    const { message } = refusal('Dear {patientName}')
    expect(message).toContain('did you mean {patient_name}?')
    for (const name of variableNames) expect(message).toContain(`{${name}}`)
  })

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', '0', 'Date'])(
    '{%s} is an unknown variable, wherever it stands',
    (name) => {
      for (const body of [`{${name}}`, `{${name}, select, other {x}}`, `{location, select, other {a {${name}}}}`]) {
        expect(refusal(body).message).toContain(`{${name}} is not a known variable`)
      }
    },
  )

  test.each(["Dear '{patient_name}'", "It is '{date", "'{'date'}'", "{location, select, other {'{time}'}}"])(
    'pain 15: quoted braces would be sent as they stand: %s',
    (body) => {
      expect(refusal(body).message).toMatch(/an apostrophe quotes this brace, and ".*\{.*" would be sent/)
    },
  )

  test('a quoted brace is found where it stands', () => {
    expect(refusal("Hello {time}\nIt's '{date}'").issues[0]?.message).toMatch(/^line 2, column 7: /)
  })

  test.each([
    ['{date, date}', '{date} is text and cannot be formatted as a date'],
    ['{time, time, short}', '{time} is text and cannot be formatted as a time'],
    ['{location, number}', '{location} is text and cannot be formatted as a number'],
    ['{weekday, plural, other {#}}', '{weekday} is text and cannot be formatted as a plural'],
    ['{duration_minutes, date}', 'number of minutes'],
    ['{duration_minutes, number, constructor}', '"constructor" is not a number style'],
    ['{duration_minutes, number, ::currency/XYZ1}', 'cannot be formatted'],
    ['{location, select, never {{duration_minutes, number, ::currency/X}} other {}}', 'cannot be formatted'],
    ['{date, date, ::ZZZqqq}', 'line 1, column 1'],
  ])('a wrong type: %s', (body, words) => {
    expect(refusal(body).message).toContain(words)
  })

  test('all faults of all templates are told at once, bodies and subjects apart', () => {
    const error = thrown(() =>
      checkTemplates('smsTemplates', {
        appointment_confirmation: '{a}',
        waitlist_notification: { subject: '{b}', body: 'x\n {c}{d}' },
      }),
    )
    expect(error.issues.map(({ field, message }) => `${field}: ${message.split(' is ')[0]}`)).toEqual([
      'smsTemplates.appointment_confirmation: line 1, column 1: {a}',
      'smsTemplates.waitlist_notification.subject: line 1, column 1: {b}',
      'smsTemplates.waitlist_notification.body: line 2, column 2: {c}',
      'smsTemplates.waitlist_notification.body: line 2, column 5: {d}',
    ])
  })

  test('a hostile template is refused in few words', () => {
    expect(refusal('{x}'.repeat(500)).issues).toHaveLength(10)
    expect(refusal(`'{${'a'.repeat(19_000)}`).message.length).toBeLessThan(400)
  })
})

describe('warnings', () => {
  test('sound templates have none', () => {
    expect(checkTemplates('emailTemplates', {})).toEqual([])
    expect(warnings('{organization_name}: {relative_day} at {time}')).toEqual([])
    expect(checkTemplates('smsTemplates', { appointment_confirmation: 'See you tomorrow' })).toEqual([])
  })

  test.each(['emailTemplates', 'smsTemplates'] as const)(
    'pain 20: the documented reminder that says "tomorrow" is accepted with a warning (%s)',
    (field) => {
      const [warning, ...others] = checkTemplates(field, { appointment_reminder: 'Reminder:\nAppt Tomorrow at {time}' })
      expect(others).toEqual([])
      expect(warning).toMatchObject({ field: `${field}.appointment_reminder`, code: 'fixed_day' })
      expect(warning?.message).toContain('Line 2, column 6 says "Tomorrow"')
      expect(warning?.message).toContain('{relative_day}')
    },
  )

  test('pain 20: subjects and branches are looked at, longer words are not', () => {
    const template = { subject: 'Today', body: '{location, select, other {see you tomorrow}}' }
    const found = checkTemplates('emailTemplates', { appointment_reminder: template })
    expect(found.map(({ field }) => field)).toEqual([
      'emailTemplates.appointment_reminder.subject',
      'emailTemplates.appointment_reminder.body',
    ])
    expect(checkTemplates('emailTemplates', { appointment_reminder: 'USA Todayish {date}' })).toEqual([])
  })

  test('pain 12: an SMS of several segments is warned of, with the characters that make it so', () => {
    const [warning] = warnings(`Votre rendez-vous bientôt “chez” nous: {date} ${'x'.repeat(60)}`)
    expect(warning).toMatchObject({ field: 'smsTemplates.appointment_reminder', code: 'sms_segments' })
    expect(warning?.message).toContain('2 segments')
    expect(warning?.message).toContain('UCS-2')
    expect(warning?.message).toContain('ô “ ”')
    expect(warnings('x'.repeat(161))[0]?.message).toBe('With usual values this SMS costs 2 segments (161 GSM-7 units)')
    expect(warnings('x'.repeat(160))).toEqual([])
    expect(checkTemplates('emailTemplates', { appointment_reminder: 'é—'.repeat(400) })).toEqual([])
  })

  test('a subject on an SMS is ignored, and said to be', () => {
    const found = checkTemplates('smsTemplates', { appointment_reminder: { subject: 'Hi', body: '{date}' } })
    expect(found).toMatchObject([{ field: 'smsTemplates.appointment_reminder.subject', code: 'subject_ignored' }])
  })

  test('a closing brace too many is warned of', () => {
    expect(warnings('At {time}} sharp')).toMatchObject([{ code: 'stray_brace' }])
  })
})

test('what is refused by the check is refused by rendering, and the other way round', () => {
  for (const body of ['{x}', "'{date}'", '{date', '{date, date}', '{duration_minutes, number, ::currency/X1}']) {
    expect(thrown(() => render(body)).issues.map(({ message }) => message)).toEqual(
      refusal(body).issues.map(({ message }) => message),
    )
  }
})
