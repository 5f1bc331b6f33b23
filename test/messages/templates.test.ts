import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { variableNames } from '../../src/messages/index.ts'
import { anyFacts, bareFacts, facts, render, renderMessage, text, thrown, withoutBraces } from './support.ts'

describe('the documented templates, verbatim', () => {
  test('e-mail confirmation', () => {
    const body = 'Your appointment has been confirmed for {date} at {time}.'
    const message = render(body, { category: 'CONFIRMATION' }, 'EMAIL')
    expect(message.text).toBe('Your appointment has been confirmed for January 15, 2024 at 2:00 PM.')
    expect(message.subject).toBe('Appointment Confirmed - January 15, 2024')
  })

  test('e-mail reminder', () => {
    const message = render('Reminder: You have an appointment tomorrow at {time}.', {}, 'EMAIL')
    expect(message.text).toBe('Reminder: You have an appointment tomorrow at 2:00 PM.')
    expect(message.subject).toBe('Appointment Reminder - January 15, 2024')
    expect(message.html).toBe(
      '<!doctype html><html lang="en-US"><head><meta charset="utf-8"></head><body><p>Reminder: You have an appointment tomorrow at 2:00 PM.</p></body></html>',
    )
  })

  test('SMS confirmation and reminder', () => {
    const confirmation = render('Appt confirmed: {date} at {time}', { category: 'CONFIRMATION' })
    expect(confirmation).toEqual({
      subject: null,
      text: 'Appt confirmed: January 15, 2024 at 2:00 PM',
      html: null,
      template: null,
      templateRevision: expect.stringMatching(/^custom:[0-9a-f]{8}$/),
    })
    expect(text('Reminder: Appt tomorrow at {time}')).toBe('Reminder: Appt tomorrow at 2:00 PM')
  })
})

describe('variables', () => {
  const all = variableNames.map((name) => `${name}={${name}}`).join('; ')

  test('every one has its value', () => {
    expect(text(all)).toBe(
      'date=January 15, 2024; time=2:00 PM; weekday=Monday; relative_day=tomorrow; patient_name=Jane Doe; ' +
        'recipient_name=Jane Doe; practitioner_name=Dr. Smith; organization_name=Medical Clinic; ' +
        'location=12 Main St; duration_minutes=30; time_zone=EST; visit_mode=; video_link=; confirm_url=; change_url=; cancel_url=; preferences_url=; answer_hint=; ' +
        'appointments=2:00 PM, Dr. Smith, 12 Main St',
    )
  })

  test('what is not known renders as nothing', () => {
    const nothing = bareFacts({ category: 'WAITLIST', start: null })
    expect(text(all, nothing)).toBe(variableNames.map((name) => `${name}=`).join('; '))
  })

  test('a plural of the duration works, and says nothing where the duration is not known', () => {
    const plural = 'Takes {duration_minutes, plural, one {# minute} other {# minutes}}.'
    expect(text(plural)).toBe('Takes 30 minutes.')
    expect(text(plural, { durationMinutes: 1 })).toBe('Takes 1 minute.')
    expect(text(plural, { durationMinutes: null })).toBe('Takes .')
    expect(text('T{duration_minutes, plural, =0 {BA} other {#}}', { durationMinutes: null })).toBe('TBA')
    expect(text('{duration_minutes, number} min', { durationMinutes: null })).toBe(' min')
    expect(text('{duration_minutes, number, ::unit/minute unit-width-full-name}')).toBe('30 minutes')
    expect(text('{duration_minutes, select, 30 {half an hour} other {a while}}')).toBe('half an hour')
  })

  test('a select may ask for a value', () => {
    const select = '{practitioner_name, select, other {With {practitioner_name}}}'
    expect(text(select)).toBe('With Dr. Smith')
    expect(text(select, { practitionerName: '__proto__' })).toBe('With __proto__')
  })

  test('tags and apostrophes are plain text', () => {
    expect(text("<b>It's {time}</b>, don''t wait")).toBe("<b>It's 2:00 PM</b>, don't wait")
  })
})

describe('choice of the template', () => {
  test('object templates bring a subject, which e-mail uses', () => {
    const template = { subject: '{practitioner_name}:\n {date}', body: 'At {time}' }
    expect(render(template, {}, 'EMAIL')).toMatchObject({ subject: 'Dr. Smith: January 15, 2024', text: 'At 2:00 PM' })
    expect(render(template, {}, 'SMS')).toMatchObject({ subject: null, text: 'At 2:00 PM', html: null })
  })

  test('other categories and inherited properties do not count', () => {
    const inherited = Object.create({ appointment_reminder: 'inherited' })
    for (const templates of [{}, { appointment_confirmation: 'no' }, inherited]) {
      expect(renderMessage({ channel: 'SMS', facts: facts(), templates }).templateRevision).toBe('default:1')
    }
  })

  test('the revision follows body and subject, and nothing else', () => {
    const revision = (template: Parameters<typeof render>[0], changes = {}) =>
      render(template, changes, 'EMAIL').templateRevision
    const ofA = revision('a')
    expect(revision('a', { practitionerName: 'Dr. Who', locale: 'de' })).toBe(ofA)
    expect(revision({ body: 'a' })).toBe(ofA)
    expect(
      new Set([ofA, revision('b'), revision({ subject: 's', body: 'a' }), revision({ subject: 't', body: 'a' })]).size,
    ).toBe(4)
    expect(ofA).toBe('custom:e40c292c')
  })

  test('a template that renders to nothing gives way to the built-in text', () => {
    const message = render({ subject: '{location} ', body: ' {location}\n' }, { location: null }, 'EMAIL')
    expect(message).toEqual(render(null, { location: null }, 'EMAIL'))
    expect(render({ subject: '{location}', body: 'Come' }, { location: null }, 'EMAIL').subject).toBe(
      'Appointment Reminder - January 15, 2024',
    )
  })

  test('a broken stored template is told apart from everything else', () => {
    const error = thrown(() => render({ body: 'ok', subject: 'a {b' }, {}, 'EMAIL'))
    expect(error.code).toBe('template_invalid')
    expect(error.field).toBe('emailTemplates.appointment_reminder.subject')
    expect(error.message).toContain('line 1, column 3')
  })
})

test('pain 15: no placeholder reaches a recipient, whatever the facts', () => {
  const pieces = fc.constantFrom(...variableNames.map((name) => `{${name}}`), ' ', '\n', 'text', "'", '<i>', '}', '#')
  const template = fc.array(pieces, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''))
  // An apostrophe before one of these quotes what follows; quoted braces are refused, which the tests of check show.
  const sound = template.filter((candidate) => !/'[{}<>]/.test(candidate))
  fc.assert(
    fc.property(anyFacts, sound, fc.constantFrom('EMAIL', 'SMS'), fc.boolean(), (told, body, channel, custom) => {
      const changes = withoutBraces(told)
      const message = render(custom ? { subject: body, body } : null, changes, channel)
      for (const part of [message.text, message.subject ?? '', message.html ?? '']) {
        expect(part).not.toContain('{')
      }
      const { start, locale, now } = told
      const bare = render(custom ? body : null, bareFacts({ start, locale, now }), channel)
      expect(bare.text).not.toMatch(/undefined|null|NaN|\[object/)
    }),
    { numRuns: 500 },
  )
})

test('a name with braces is only a name', () => {
  const changes = { patientName: '{practitioner_name}', location: "{date, plural, other {'{x}'}}" }
  expect(text('For {patient_name} in {location}', changes)).toBe(`For {practitioner_name} in ${changes.location}`)
})
