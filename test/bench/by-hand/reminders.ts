/** What a reminder by hand is: when an appointment should have some, whether one is still right, and what it says. */
import { hourMs } from '../clinic.ts'

type Channel = 'EMAIL' | 'SMS'

/** All that is read about an appointment: its own row, its organization, its patient, and what both want. */
export type Facts = {
  readonly appointment_id: number
  readonly starts_at: Date
  readonly time_zone: string
  readonly appointment_status: string
  readonly practitioner_name: string
  readonly location: string
  readonly organization_name: string
  readonly patient_id: number
  readonly patient_name: string
  readonly email: string | null
  readonly phone: string | null
  readonly email_on: boolean
  readonly sms_on: boolean
  /** Whether the patient wants reminders. */
  readonly wanted: boolean
  readonly email_hours: readonly number[]
  readonly sms_hours: readonly number[]
  readonly email_from_address: string
  readonly email_template: { readonly subject: string; readonly body: string }
  readonly sms_template: string
}
export type DueReminder = Facts & { readonly id: number; readonly reminder_type: Channel; readonly reminder_time: Date }

export const factColumns = `a.id as appointment_id, a.starts_at, a.time_zone, a.status as appointment_status,
  a.practitioner_name, a.location, o.name as organization_name, p.id as patient_id, p.name as patient_name,
  coalesce(f.email_address, p.email) as email, coalesce(f.phone_number, p.phone) as phone,
  s.email_enabled and coalesce(f.email_enabled, true) as email_on,
  s.sms_enabled and coalesce(f.sms_enabled, true) as sms_on, coalesce(f.appointment_reminder, true) as wanted,
  coalesce(f.email_reminders, s.default_email_reminders) as email_hours,
  coalesce(f.sms_reminders, s.default_sms_reminders) as sms_hours, s.email_from_address,
  s.email_templates -> 'appointment_reminder' as email_template, s.sms_templates ->> 'appointment_reminder' as sms_template`
export const factJoins = `join patients p on p.id = a.patient_id join organizations o on o.id = a.organization_id
  join notification_settings s on s.organization_id = a.organization_id
  left join patient_notification_preferences f on f.patient_id = p.id`

const reachable = (row: Facts, channel: Channel) =>
  row.wanted && (channel === 'EMAIL' ? row.email_on && row.email !== null : row.sms_on && row.phone !== null)

/** The reminders that appointments should have from `now` on, as columns for `unnest`: appointment, channel, time, hours. */
export function wantedReminders(rows: readonly Facts[], now: Date): [number[], Channel[], Date[], number[]] {
  const [appointments, channels, times, hours]: [number[], Channel[], Date[], number[]] = [[], [], [], []]
  for (const row of rows) {
    if (row.appointment_status !== 'scheduled') continue
    for (const [channel, offsets] of [
      ['EMAIL', row.email_hours],
      ['SMS', row.sms_hours],
    ] as const) {
      if (!reachable(row, channel)) continue
      for (const before of offsets) {
        const at = new Date(row.starts_at.getTime() - before * hourMs)
        if (at < now) continue
        appointments.push(row.appointment_id)
        channels.push(channel)
        times.push(at)
        hours.push(before)
      }
    }
  }
  return [appointments, channels, times, hours]
}

/** Why a due reminder is no longer right; null where it is. */
export function refusal(row: DueReminder): string | null {
  if (row.appointment_status !== 'scheduled') return 'the appointment is not scheduled'
  if (row.starts_at.getTime() < Date.now()) return 'the appointment has begun'
  return reachable(row, row.reminder_type) ? null : 'opted out, or no contact'
}

export type Message = {
  /** The same for every attempt. */
  readonly key: string
  readonly channel: Channel
  readonly from: string
  readonly to: string
  readonly name: string
  readonly subject: string | null
  readonly text: string
  readonly html: string | null
  /** When it was to be sent. */
  readonly due: Date
}

const formats = new Map<string, { readonly date: Intl.DateTimeFormat; readonly time: Intl.DateTimeFormat }>()

/** Making one takes longer than everything else here. */
function formatsOf(timeZone: string) {
  const found = formats.get(timeZone) ?? {
    date: new Intl.DateTimeFormat('en-US', { timeZone, dateStyle: 'full' }),
    time: new Intl.DateTimeFormat('en-US', { timeZone, timeStyle: 'short' }),
  }
  formats.set(timeZone, found)
  return found
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string) => text.replace(/[&<>"]/g, (found) => entities[found] ?? found)

export function messageOf(row: DueReminder): Message {
  const { date, time } = formatsOf(row.time_zone)
  const values: Readonly<Record<string, string>> = {
    ...{ patient_name: row.patient_name, organization_name: row.organization_name, location: row.location },
    practitioner_name: row.practitioner_name,
    date: date.format(row.starts_at),
    time: time.format(row.starts_at),
  }
  const fill = (template: string) => template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
  const about = {
    ...{ key: `reminder-${row.id}`, channel: row.reminder_type, name: row.patient_name, due: row.reminder_time },
    from: row.email_from_address,
  }
  if (row.reminder_type === 'SMS')
    return { ...about, to: row.phone ?? '', subject: null, text: fill(row.sms_template), html: null }
  const text = fill(row.email_template.body)
  const html = `<!doctype html><html lang="en"><body><p>${escaped(text).replaceAll('\n', '<br>')}</p></body></html>`
  return { ...about, to: row.email ?? '', subject: fill(row.email_template.subject), text, html }
}
