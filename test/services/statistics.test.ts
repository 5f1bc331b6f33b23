import { expect, it } from 'vitest'
import { openClinic } from '../support/clinic.ts'

const now = '2031-03-10T12:00:00.000Z'

it.each([
  ['a field of another name', '{"form":"2031-01-01"}', 'form'],
  ['a channel that is none', '{"channel":"FAX"}', 'channel'],
  ['a word for a day', '{"from":"yesterday"}', 'from'],
  ['an instant for a day', '{"to":"2031-01-01T00:00:00Z"}', 'to'],
])('refuses a filter with %s', async (_what, filter, field) => {
  await using clinic = await openClinic(now)
  const refused = { code: 'invalid_input', field }
  await expect(clinic.statistics.read(JSON.parse(filter))).rejects.toMatchObject(refused)
  await expect(clinic.statistics.reminders(JSON.parse(filter))).rejects.toMatchObject(refused)
})
