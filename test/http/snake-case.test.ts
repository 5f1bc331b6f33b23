import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readWire, wireName, wireOf } from '../../src/http/snake-case.ts'
import { toSnake } from '../../src/schemas/fields.ts'

const schema = z.strictObject({
  emailEnabled: z.boolean().nullable().optional(),
  sentAt: z.date().optional(),
  maxCount: z.int().min(1).optional(),
  category: wireName('notification_type', z.enum(['A', 'B']).optional()),
  offsetList: z.array(z.union([z.number(), z.string()])).optional(),
  emailTemplates: z
    .partialRecord(z.enum(['appointment_reminder']), z.union([z.string(), z.strictObject({ bodyText: z.string() })]))
    .optional(),
  deepList: z.array(z.strictObject({ innerName: z.string() })).optional(),
})
const wire = wireOf(schema)

function read(value: unknown, text = false) {
  const reading = { text, issues: [] }
  return { ...readWire(schema, wire, value, reading), issues: reading.issues }
}

describe('wire names', () => {
  test('are snake_case on the wire and camelCase inside; record keys stay', () => {
    const value = {
      email_enabled: null,
      sent_at: '2024-01-14T15:00:00+01:00',
      notification_type: 'A',
      email_templates: { appointment_reminder: { body_text: 'x' } },
      deep_list: [{ inner_name: 'y' }],
    }
    const inside = {
      emailEnabled: null,
      sentAt: new Date('2024-01-14T14:00:00Z'),
      category: 'A',
      emailTemplates: { appointment_reminder: { bodyText: 'x' } },
      deepList: [{ innerName: 'y' }],
    }
    expect(read(value)).toEqual({ data: inside, issues: [] })
    expect(JSON.parse(JSON.stringify(wire.encode(inside)))).toEqual({ ...value, sent_at: '2024-01-14T14:00:00.000Z' })
  })

  test('faults are told by their wire path', () => {
    const { issues } = read({
      emailEnabled: true,
      notification_type: 'C',
      offset_list: [1, null],
      email_templates: { appointment_reminder: { bodyText: 'x' }, another_key: 'x' },
      deep_list: [{ inner_name: 1 }, {}],
      max_count: 0,
    })
    expect(issues.map(({ field }) => field).sort()).toEqual([
      'deep_list[0].inner_name',
      'deep_list[1].inner_name',
      'emailEnabled',
      'email_templates.another_key',
      'email_templates.appointment_reminder.bodyText',
      'email_templates.appointment_reminder.body_text',
      'max_count',
      'notification_type',
      'offset_list[1]',
    ])
    expect(issues).toContainEqual({ field: 'offset_list[1]', message: 'must be a number or text' })
    expect(issues).toContainEqual({ field: 'deep_list[1].inner_name', message: 'is required' })
  })

  test('text of a query is read as what the schema wants', () => {
    expect(read({ max_count: '5', email_enabled: 'false', sent_at: '2024-01-14T15:00:00 01:00' }, true)).toMatchObject({
      data: { maxCount: 5, emailEnabled: false, sentAt: new Date('2024-01-14T14:00:00Z') },
    })
    expect(read({ max_count: '5' }).issues).toEqual([{ field: 'max_count', message: 'must be a number' }])
    expect(read({ max_count: ' 5', sent_at: '2024-01-14' }, true).issues).toHaveLength(2)
  })

  test('what the schema does not name is not shown', () => {
    expect(wire.encode({ emailEnabled: true, password: 'x' })).toEqual({ email_enabled: true })
  })

  test('paths translate as a whole', () => {
    expect(toSnake('emailTemplates.appointment_reminder')).toBe('email_templates.appointment_reminder')
    expect(toSnake('defaultEmailReminders[2]')).toBe('default_email_reminders[2]')
  })
})
