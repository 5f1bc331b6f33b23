/** What the specification asks to check where messages are not sent: each is a row of the guide, and what breaks it is found. */
import { describe, expect, it } from 'vitest'
import { guide } from '../package/guides.ts'
import { openClinic } from '../support/clinic.ts'
import { findings } from './findings.ts'

/** By case and row: the broken set-ups whose findings it names; broken-set-ups.slow.test.ts finds them. */
const cases: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'TaskManager Connection Failed': {
    'Check TaskManager service is running': ['TaskManager that cannot be reached', 'TaskManager that fails'],
    'Verify network connectivity': ['TaskManager that cannot be reached'],
    'Check TASK_MANAGER_URL configuration': ['something else at the URL of TaskManager'],
  },
  'Email Not Sending': {
    'Verify SMTP settings in organization configuration': [
      'an organization without an SMTP host',
      'an organization without a sender',
      'no SMTP host anywhere',
    ],
    'Check email credentials': ['SMTP credentials that are refused', 'credentials of an organization that are refused'],
    'Review email provider rate limits': ['a mail account whose quota is used up'],
  },
  'SMS Not Sending': {
    'Verify SMS provider configuration': [
      'an organization without an SMS secret',
      'a default SMS provider without its transport',
    ],
    'Check API credentials': ['Twilio credentials that are refused'],
    'Review SMS provider quotas': ['an SMS account whose quota is used up'],
  },
  'Reminders Not Scheduled': {
    'Check appointment data integrity': [
      'a method that throws',
      'rows with a word that is no status',
      'rows with fields of other names',
    ],
    'Verify notification preferences': [],
    'Review reminder time calculations': [],
  },
}

/** The rows under one case, by what is to be checked. */
function rowsOf(name: string): Readonly<Record<string, string>> {
  const [, text = ''] = guide('adapters/cli/README.md').split(`**${name}**`)
  const [table = ''] = text.split('\n\n**')
  return Object.fromEntries(
    [...table.matchAll(/^\| (\S.*?) \| (.*) \|$/gm)].map(([, first, second]) => [first, second]),
  )
}

describe.each(Object.entries(cases))('%s', (name, checks) => {
  it('is answered check by check', () => {
    const rows = rowsOf(name)
    for (const [check, setUps] of Object.entries(checks)) {
      expect(Object.keys(rows)).toContain(check)
      for (const setUp of setUps) expect(rows[check]).toContain(`\`${findings[setUp]?.[0]}\``)
    }
  })
})

const now = '2026-03-18T12:00:00Z'

it('a plan names the preference by which somebody gets nothing, and what was left out of reminders that are past', async () => {
  expect(rowsOf('Reminders Not Scheduled')).toMatchObject({
    'Verify notification preferences': expect.stringContaining('`plan 42`'),
    'Review reminder time calculations': expect.stringContaining('`explain 42`'),
  })
  await using clinic = await openClinic(now)
  clinic.host.book({ id: 42, startsAt: '2026-03-18T17:00:00Z' })
  await clinic.settings.updatePreferences({ type: 'PATIENT', id: 12 }, { smsEnabled: false })
  const { reminders, omitted } = await clinic.notifications.plan(42)
  expect(reminders.map(({ channel, offset, reminderTime }) => [channel, offset, reminderTime])).toEqual([
    ['EMAIL', '2h', new Date('2026-03-18T15:00:00Z')],
  ])
  expect(omitted).toContainEqual(expect.objectContaining({ channel: 'SMS', rule: 'channel_disabled_by_recipient' }))
  expect(omitted).toContainEqual(expect.objectContaining({ channel: 'EMAIL', offset: '24h', rule: 'past_time' }))
  await clinic.notifications.scheduleReminders(42)
  const decisions = await clinic.notifications.explain(42)
  for (const rule of ['channel_disabled_by_recipient', 'past_time']) {
    expect(decisions).toContainEqual(expect.objectContaining({ rule, because: expect.stringMatching(/\w/) }))
  }
})
