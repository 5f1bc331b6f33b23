import { describe, expect, test } from 'vitest'
import { smsSegments } from '../../src/channels/sms-segments.ts'
import { categories } from '../../src/schemas/vocabulary.ts'
import { bareFacts, render, renderMessage } from './support.ts'

describe('the built-in e-mail', () => {
  test('a reminder', () => {
    const { subject, text, templateRevision } = render(null, {}, 'EMAIL')
    expect(templateRevision).toBe('default:1')
    expect(subject).toBe('Appointment Reminder - January 15, 2024')
    expect(text).toBe(
      [
        'Hello Jane Doe,\n',
        'This is a reminder that your appointment at Medical Clinic is tomorrow at 2:00 PM.\n',
        'Date: Monday, January 15, 2024',
        'Time: 2:00 PM',
        'With: Dr. Smith',
        'Location: 12 Main St\n',
        'If you cannot come, please let us know.\n',
        'Medical Clinic',
      ].join('\n'),
    )
  })

  test('pain 20: a reminder two hours before says today', () => {
    const now = new Date('2024-01-15T17:00:00Z')
    expect(render(null, { now }, 'EMAIL').text).toContain('is today at 2:00 PM')
    expect(render(null, { now }, 'SMS').text).toContain('today at 2:00 PM')
  })

  test.each(categories)('%s reads well when hardly anything is known', (category) => {
    for (const start of [bareFacts().start, null]) {
      for (const channel of ['EMAIL', 'SMS'] as const) {
        const blank = { recipientName: ' ', location: '\r\n' }
        const message = renderMessage({ channel, facts: bareFacts({ category, start, ...blank }), templates: {} })
        if (channel === 'EMAIL') expect(message.text).toMatch(/^Hello,\n\n/)
        expect(message.text).toMatch(/\.$/)
        expect(message.text).not.toMatch(/ [,.]|\n\n\n| {2}|: *$|with\b|Location/m)
      }
    }
  })

  test.each(['\u202e', '\u200b', ' \u2068\u2069 '])('a name that nobody can see is none: %j', (recipientName) => {
    const { text } = render(
      null,
      { recipientName, patientName: recipientName, practitionerName: recipientName },
      'EMAIL',
    )
    expect(text).toMatch(/^Hello,\n\n/)
    expect(text).not.toMatch(/With:|for /)
  })

  test('practitioners have no appointment with themselves', () => {
    expect(render(null, { recipientName: 'Dr. Smith' }, 'EMAIL').text).not.toContain('With:')
  })
})

describe('the built-in SMS', () => {
  test.each([
    ['CONFIRMATION', 'Your appointment with Dr. Smith on Monday, January 15, 2024 at 2:00 PM is confirmed.'],
    ['REMINDER', 'Reminder of your appointment with Dr. Smith tomorrow at 2:00 PM.'],
    ['CANCELLATION', 'Your appointment with Dr. Smith on Monday, January 15, 2024 at 2:00 PM has been cancelled.'],
    ['RESCHEDULE', 'Your appointment with Dr. Smith has been moved to Monday, January 15, 2024 at 2:00 PM.'],
    [
      'WAITLIST',
      'An appointment with Dr. Smith on Monday, January 15, 2024 at 2:00 PM is available. Contact us to take it.',
    ],
  ] as const)('%s', (category, sentence) => {
    expect(render(null, { category, location: null }).text).toBe(`Medical Clinic: ${sentence}`)
  })

  test.each(['en-CA', 'en-NZ'])('a time that ends with a point ends the sentence: %s', (locale) => {
    const { text } = render(null, { locale, location: null })
    expect(text).toMatch(/at 2:00\s[pP]\.?[mM]\.$/)
    expect(render(null, { locale, location: 'Suite 4...' }).text).toMatch(/Suite 4\.\.\.$/)
  })

  test.each(categories)('pain 12: %s fits one GSM-7 segment with long but usual values', (category) => {
    const usual = {
      category,
      start: { instant: new Date('2024-09-25T14:30:00Z'), timeZone: 'America/New_York' },
      now: new Date('2024-09-22T14:30:00Z'),
      organizationName: 'Northside Medical Clinic',
      practitionerName: 'Dr. Alexandra Smith',
      location: '1234 Washington Boulevard, Suite 400',
    }
    const { text } = render(null, usual)
    expect(text).toMatch(/^Northside Medical Clinic: .*Dr\. Alexandra Smith.*Wednesday, September 25, 2024 at 10:30 AM/)
    expect(smsSegments(text)).toMatchObject({ encoding: 'GSM-7', segments: 1 })
  })

  test('pain 12: a location that would cost a segment is left out', () => {
    expect(render(null, { location: 'x'.repeat(60) }).text).toContain('Location: xxx')
    expect(render(null, { location: 'x'.repeat(90) }).text).not.toContain('Location')
    expect(render(null, { location: 'ź' }).text).not.toContain('Location')
  })
})
