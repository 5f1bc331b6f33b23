import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type PlanInput, planReminders, reminderKey } from '../../src/domain/plan.ts'
import { loadNumberingPlans } from '../../src/schemas/phone-number.ts'
import { pastReminderPolicies } from '../../src/schemas/vocabulary.ts'
import { appointment, patient, practitioner, surroundings } from './support.ts'

await loadNumberingPlans()

const plan = (changes: Partial<PlanInput> = {}) =>
  planReminders({
    appointment: appointment(),
    surroundings: surroundings(),
    customReminders: null,
    now: new Date('2026-03-01T00:00:00Z'),
    leadMs: 60_000,
    existing: new Map(),
    carried: new Set(),
    reminded: new Set(),
    decided: new Map(),
    ...changes,
  })

const short = ({ reminders }: ReturnType<typeof plan>) => reminders.map((row) => `${row.channel} ${row.offset}`)
const left = ({ entries }: ReturnType<typeof plan>) =>
  entries
    .filter((entry) => entry.action !== 'planned')
    .map((entry) => `${entry.channel} ${entry.offset ?? '-'} ${entry.rule}`)

describe('a plan', () => {
  it('has one reminder a recipient, channel and offset, furthest from the start first', () => {
    expect(short(plan())).toEqual(['EMAIL 24h', 'SMS 24h', 'EMAIL 2h'])
  })

  it('takes custom offsets in place of everybody’s own', () => {
    expect(short(plan({ customReminders: ['1d@18:00', 1] }))).toEqual([
      'EMAIL 1d@18:00',
      'SMS 1d@18:00',
      'EMAIL 1h',
      'SMS 1h',
    ])
    expect(short(plan({ customReminders: [] }))).toEqual([])
  })

  it('leaves practitioners out unless the organization switched reminders on for them', () => {
    const both = { appointment: appointment({ recipients: [patient, practitioner] }) }
    expect(short(plan(both))).toHaveLength(3)
    const on = surroundings({ practitionerNotifications: ['REMINDER'] })
    expect(
      plan({ ...both, surroundings: on }).reminders.filter((row) => row.recipient.type === 'PRACTITIONER'),
    ).toHaveLength(2)
  })

  it('explains whatever it leaves out', () => {
    const recipients = [{ ...patient, phone: null }]
    expect(left(plan({ appointment: appointment({ recipients }) }))).toEqual(['SMS - no_contact'])
  })

  describe('times already past when planned', () => {
    const late = {
      now: new Date('2026-03-20T00:00:00Z'),
      customReminders: [48, 24, 2],
      appointment: appointment({ recipients: [{ ...patient, phone: null }] }),
    }
    const later = { ...late, now: new Date('2026-03-20T14:30:00Z') }

    it('skip (the default): left out with a reason', () => {
      expect(short(plan(late))).toEqual(['EMAIL 2h'])
      expect(left(plan(late))).toEqual(['EMAIL 48h past_time', 'EMAIL 24h past_time', 'SMS - no_contact'])
    })

    it('send_now: due at once; the dispatcher sends the nearest only', () => {
      const now = plan({ ...late, surroundings: surroundings({ pastReminders: 'send_now' }) })
      expect(now.reminders.map((row) => [row.offset, row.reminderTime])).toEqual([
        ['48h', late.now],
        ['24h', late.now],
        ['2h', new Date('2026-03-20T13:00:00Z')],
      ])
    })

    it('merge: the nearest stands for them, and is sent at once if it is past itself', () => {
      const merge = surroundings({ pastReminders: 'merge' })
      expect(short(plan({ ...late, surroundings: merge }))).toEqual(['EMAIL 2h'])
      expect(left(plan({ ...late, surroundings: merge }))[0]).toBe('EMAIL 48h merged_into_nearest')
      const last = plan({ ...later, surroundings: merge })
      expect(last.reminders.map((row) => [row.offset, row.reminderTime])).toEqual([['2h', later.now]])
    })

    it('a row that stands already stays wanted when its time has come', () => {
      const [standing] = plan({ customReminders: [24] }).reminders
      if (standing === undefined) throw new Error('nothing planned')
      const existing = new Map([[reminderKey(standing), standing.reminderTime]])
      expect(short(plan({ ...late, customReminders: [24], existing }))).toEqual(['EMAIL 24h'])
    })

    it('nothing is planned once the appointment has started', () => {
      for (const pastReminders of pastReminderPolicies) {
        const started = plan({ now: appointment().start.instant, surroundings: surroundings({ pastReminders }) })
        expect(started.reminders).toEqual([])
        expect(new Set(started.entries.map((entry) => entry.rule))).toEqual(new Set(['appointment_started']))
      }
    })
  })

  it('property: never after the start, never twice, always explained, whatever the offsets and the moment', () => {
    const offset = fc.oneof(
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom('30m', '1d', '2d@07:15', '1w', '1d@23:59'),
    )
    fc.assert(
      fc.property(
        fc.array(offset, { maxLength: 20 }),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2026-04-01'), noInvalidDate: true }),
        fc.constantFrom(...pastReminderPolicies),
        (customReminders, now, pastReminders) => {
          const made = plan({ customReminders, now, surroundings: surroundings({ pastReminders }) })
          const start = appointment().start.instant.getTime()
          for (const row of made.reminders) expect(row.reminderTime.getTime()).toBeLessThan(start)
          expect(new Set(made.reminders.map(reminderKey)).size).toBe(made.reminders.length)
          for (const row of made.reminders) expect(row.reminderTime.getTime()).toBeGreaterThanOrEqual(now.getTime())
          const planned = made.entries.filter((entry) => entry.action === 'planned')
          expect(planned).toHaveLength(made.reminders.length)
          const offsets = new Set(made.entries.map((entry) => `${entry.channel}${entry.offset}`))
          expect(made.entries).toHaveLength(offsets.size)
        },
      ),
    )
  })
})
