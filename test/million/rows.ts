/**
 * A million rows, made by the database itself: half of the deliveries are settled and older, half of them are not and lie on
 * top, where a list that starts with the newest has to pass them. Of each field some value is rare and old, and some value
 * does not occur. Many rows share an instant, as those of a bulk do.
 */
export type Dialect = {
  /** Rows `i` from 1 to `count`, as a table `n`. */
  readonly series: (count: number) => string
  /** Milliseconds since the epoch, as the column holds them. */
  readonly instant: (ms: string) => string
  readonly flag: (isTrue: string) => string
  readonly padded: (number: string) => string
  /** `YYYY-MM-DDTHH:mm:ss` in UTC. */
  readonly localTime: (ms: string) => string
  readonly json: (text: string) => string
}

export const sqliteDialect: Dialect = {
  series: (count) =>
    `(with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) select i from n) as n`,
  instant: (ms) => `(${ms})`,
  flag: (isTrue) => `(${isTrue})`,
  padded: (number) => `substr('000000000000' || (${number}), -12)`,
  localTime: (ms) => `strftime('%Y-%m-%dT%H:%M:%S', (${ms}) / 1000, 'unixepoch')`,
  json: (text) => `(${text})`,
}

export const postgresDialect: Dialect = {
  series: (count) => `generate_series(1, ${count}::bigint) as n(i)`,
  instant: (ms) => `(timestamptz 'epoch' + (${ms}) * interval '1 millisecond')`,
  flag: (isTrue) => `(${isTrue})`,
  padded: (number) => `lpad((${number})::text, 12, '0')`,
  localTime: (ms) => `to_char(timestamp 'epoch' + (${ms}) * interval '1 millisecond', 'YYYY-MM-DD"T"HH24:MI:SS')`,
  json: (text) => `(${text})::jsonb`,
}

export type Size = {
  readonly rows: number
  /** Everything that lies ahead is after it. */
  readonly now: number
  readonly organizations: number
}

const dayMs = 86_400_000
const remindersEach = 4

export const organizationOf = (index: number): string => `0f1e2d3c-4b5a-4978-8695-${String(index).padStart(12, '0')}`

/** The first organization has four rows of ten, the others the same share of the rest. */
export const ownerOf = (i: number, { organizations }: Size): string =>
  organizationOf(i % 10 < 4 ? 0 : 1 + ((i * 7919) % (organizations - 1)))
/** The same in SQL. */
const organization = (dialect: Dialect, i: string, { organizations }: Size): string =>
  `'0f1e2d3c-4b5a-4978-8695-' || ${dialect.padded(`case when ${i} % 10 < 4 then 0 else 1 + ${i} * 7919 % ${organizations - 1} end`)}`

const pick = (number: string, choices: Readonly<Record<string, number>>): string => {
  let edge = 0
  const cases = Object.entries(choices).map(([word, share]) => {
    edge += share
    return `when ${number} < ${edge} then '${word}'`
  })
  return `case ${cases.join(' ')} end`
}

function history(dialect: Dialect, size: Size): string {
  const { rows, now } = size
  const half = Math.floor(rows / 2)
  const rare = Math.floor(rows / 500)
  const spread = Math.max(1, Math.floor((300 * dayMs) / rows))
  const created = `${now - 300 * dayMs} + i / 500 * 500 * ${spread}`
  const isSettled = `i <= ${half}`
  const isQueued = `i > ${half} and i % 100 < 45`
  const state = `case when ${isSettled} then 'settled' else ${pick('i % 100', { queued: 45, handed_over: 45, cancelled: 8, unknown: 2 })} end`
  const status = `case when i > ${half} then null when i < 6 then 'BOUNCED' when i <= ${rare} and i % 3 = 0 then 'FAILED'
    when i % 100 < 70 then 'SENT' else 'DELIVERED' end`
  const category = `case when i <= ${rare} then 'WAITLIST'
    else ${pick('i * 31 % 100', { REMINDER: 60, CONFIRMATION: 20, CANCELLATION: 10, RESCHEDULE: 10 })} end`
  const recipient = `case when i <= ${rare} and i % 2 = 0 then 'CLIENT' when i % 10 = 7 then 'PRACTITIONER' else 'PATIENT' end`
  return `insert into notification_history (notification_type, notification_category, recipient_type, recipient_id,
      recipient_email, subject, message, status, sent_at, appointment_id, waitlist_entry_id, created_at, updated_at,
      organization_id, delivery_state, due_at, fence, attempts, unknown_outcomes, provider, idempotency_key, template_revision)
    select case when i % 3 = 0 then 'SMS' else 'EMAIL' end, ${category}, ${recipient},
      case when i % 10 = 7 then 1 else i / 4 end, 'somebody@example.org', 'Your appointment',
      'Hello, this reminds you of your appointment with Dr. Smith, which begins at three in the afternoon in room 4. See you then.',
      ${status}, case when ${isSettled} then ${dialect.instant(created)} end,
      case when i > ${rare} then i / ${remindersEach} end, case when i <= ${rare} then i end,
      ${dialect.instant(created)}, ${dialect.instant(created)}, ${organization(dialect, 'i', size)}, ${state},
      case when ${isQueued} then ${dialect.instant(`${now} + i * 1000`)} end, case when ${isQueued} then 0 else 1 end, 1, 0, 'smtp',
      'key-' || i, 'default:1'
    from ${dialect.series(rows)}`
}

/** Half of the appointments are over; what lies ahead is spread over a month. */
export const startsAt = (i: number, size: Size): number =>
  i < appointmentsOf(size).first
    ? size.now - 300 * dayMs + i * 1000
    : size.now + 3 * dayMs + ((i * 37) % 43_200) * 60_000
/** Those that lie ahead. */
export const appointmentsOf = ({ rows }: Size): { readonly first: number; readonly last: number } => ({
  first: Math.floor(rows / remindersEach / 2) + 1,
  last: Math.floor(rows / remindersEach),
})
/** The same in SQL. */
const startOf = (size: Size): string =>
  `case when i < ${appointmentsOf(size).first} then ${size.now - 300 * dayMs} + i * 1000
    else ${size.now + 3 * dayMs} + i * 37 % 43200 * 60000 end`

const plans = (dialect: Dialect, size: Size): string =>
  `insert into reminder_plans (organization_id, appointment_id, starts_at, local_start, time_zone, status, recipients,
      tz_version, revision, lifecycle_revision, created_at, updated_at)
    select ${organization(dialect, 'i', size)}, i, ${dialect.instant(startOf(size))}, ${dialect.localTime(startOf(size))}, 'UTC', 'active',
      ${dialect.json(`'[{"type":"PATIENT","id":' || i || '}]'`)},
      null, 1, 1, ${dialect.instant(String(size.now))}, ${dialect.instant(String(size.now))}
    from ${dialect.series(appointmentsOf(size).last)}`

const planRecipients = (dialect: Dialect, size: Size): string =>
  `insert into reminder_plan_recipients (recipient_type, recipient_id, plan_id)
    select 'PATIENT', i, i from ${dialect.series(appointmentsOf(size).last)}`

function reminders(dialect: Dialect, size: Size): string {
  const { rows } = size
  const half = Math.floor(rows / remindersEach / 2)
  const isAhead = `i > ${half}`
  const offsets = Array.from(['24h', '2h'], (offset) =>
    ['EMAIL', 'SMS'].map((channel) => ({ offset, channel, hours: offset === '24h' ? 24 : 2 })),
  ).flat()
  const kinds = offsets.map(
    ({ offset, channel, hours }) => `select '${channel}' as channel, '${offset}' as said, ${hours} as hours`,
  )
  const time = `${startOf(size)} - hours * 3600000`
  return `insert into appointment_reminders (appointment_id, reminder_type, reminder_time, hours_before_appointment, status,
      created_at, updated_at, organization_id, recipient_type, recipient_id, "offset", starts_at, due_at, live)
    select i, channel, ${dialect.instant(time)}, hours, case when ${isAhead} then 'PENDING' else 'SENT' end,
      ${dialect.instant('0')}, ${dialect.instant('0')}, ${organization(dialect, 'i', size)}, 'PATIENT', i, said,
      ${dialect.instant(startOf(size))}, case when ${isAhead} then ${dialect.instant(time)} end, 1
    from ${dialect.series(appointmentsOf(size).last)} cross join (${kinds.join(' union all ')}) as kind`
}

const decisions = (dialect: Dialect, size: Size): string =>
  `insert into notification_decisions (organization_id, appointment_id, at, entries)
    select ${organization(dialect, 'i', size)}, i, ${dialect.instant(String(size.now))},
      '[{"action":"planned","rule":"due_by_offset","category":"REMINDER"}]'
    from ${dialect.series(appointmentsOf(size).last)}`

/** The newest half are all of one action. */
function audit(dialect: Dialect, size: Size): string {
  const count = Math.floor(size.rows / 2)
  return `insert into notification_audit (organization_id, at, actor_kind, action, details)
    select ${organization(dialect, 'i', size)}, ${dialect.instant(`${size.now - 300 * dayMs} + i * 40000`)}, 'system',
      case when i < 20 then 'settings.updated' when i <= ${Math.floor(count / 2)} and i % 5 = 0 then 'templates.updated'
        else 'notification.queued' end, '{}'
    from ${dialect.series(count)}`
}

const requests = (dialect: Dialect, size: Size): string =>
  `insert into notification_requests (caller, key, fingerprint, token, answer, lease_until, expires_at)
    select 'staff ' || i % 100, 'key ' || i, 'print', i, '{"status":200}', ${dialect.instant('0')},
      ${dialect.instant(`${size.now} + (i - ${Math.floor(size.rows / 4)}) * 10`)}
    from ${dialect.series(Math.floor(size.rows / 2))}`

/** TaskManager answers nothing: none is acknowledged. */
const tasks = (dialect: Dialect, size: Size): string =>
  `insert into task_manager_tasks (organization_id, channel, category, reminder_id, generation, facts, scheduled_at, next_at,
      attempts, failures, error_code, touched, unregistered_since, created_at, updated_at)
    select ${organization(dialect, 'i', size)}, 'EMAIL', 'REMINDER', i, 1, '{}', ${dialect.instant(`${size.now} + i * 1000`)},
      ${dialect.instant(`${size.now} + i * 1000`)}, 1, 0, case when i % 2 = 0 then 'task_manager_unreachable' end, 0,
      ${dialect.instant(`${size.now} - i`)}, ${dialect.instant('0')}, ${dialect.instant('0')}
    from ${dialect.series(Math.floor(size.rows / 2))}`

/** A year of every organization, and of all of them together as SQLite keeps it. */
function counters(dialect: Dialect, size: Size): string {
  const days = 365
  const day = (offset: string): string => `substr(${dialect.localTime(`${size.now} - (${offset}) * ${dayMs}`)}, 1, 10)`
  const kinds = ['SENT', 'DELIVERED', 'FAILED', 'PLANNED', 'LATENESS', 'CANCELLED']
    .map((measure) => `select '${measure}' as measure`)
    .join(' union all ')
  const rows = (organizationId: string, count: number, by: number) =>
    `insert into notification_counters (organization_id, day, measure, channel, category, provider, detail, count)
      select ${organizationId}, ${day(`i % ${days}`)}, measure, case when i % 2 = 0 then 'EMAIL' else 'SMS' end, 'REMINDER',
        case when measure in ('SENT', 'DELIVERED', 'FAILED') then 'smtp' else '' end, case when measure = 'LATENESS' then '1000' else '' end, ${by}
      from ${dialect.series(count)} cross join (${kinds}) as kind where true on conflict do nothing`
  const name = `'0f1e2d3c-4b5a-4978-8695-' || ${dialect.padded(`i / ${days}`)}`
  const each = rows(name, Math.floor(size.rows / 6), 3)
  return dialect === sqliteDialect ? `${each}; ${rows(`''`, days * 2, 3 * size.organizations)}` : each
}

/** Makes the rows of a table. */
export type Make = (dialect: Dialect, size: Size) => string
/** What is read page by page. */
export const paged: readonly Make[] = [history, audit, plans]
export const everything: readonly Make[] = [...paged, planRecipients, reminders, decisions, requests, tasks, counters]
