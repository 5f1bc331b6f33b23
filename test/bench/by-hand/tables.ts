/** The documented tables, as somebody makes them who follows the document on Postgres, and the rows that settings begin with. */
import type pg from 'pg'
import { organizations, withPreferences } from '../host.ts'

/** Rows of reminders change once or twice: room beside them keeps that out of the indexes. */
const schema = `
  create table notification_settings (id serial primary key, organization_id uuid not null unique,
    email_enabled boolean default true, sms_enabled boolean default true, email_smtp_host varchar(255),
    email_smtp_port integer default 587, email_username varchar(255), email_password varchar(255),
    email_from_address varchar(255), email_from_name varchar(255), sms_provider varchar(50), sms_api_key varchar(255),
    sms_api_secret varchar(255), sms_from_number varchar(20), default_email_reminders json default '[24, 2]',
    default_sms_reminders json default '[24, 2]', email_templates json, sms_templates json,
    created_at timestamptz default now(), updated_at timestamptz default now());
  create table patient_notification_preferences (id serial primary key,
    patient_id integer not null unique references patients(id) on delete cascade, email_enabled boolean default true,
    sms_enabled boolean default true, email_reminders json, sms_reminders json,
    appointment_confirmation boolean default true, appointment_reminder boolean default true,
    appointment_cancellation boolean default true, appointment_reschedule boolean default true,
    waitlist_notification boolean default true, email_address varchar(255), phone_number varchar(20),
    created_at timestamptz default now(), updated_at timestamptz default now());
  create table appointment_reminders (id serial primary key,
    appointment_id integer not null references appointments(id) on delete cascade,
    reminder_type varchar(10) not null check (reminder_type in ('EMAIL', 'SMS', 'BOTH')),
    reminder_time timestamptz not null, hours_before_appointment integer not null, subject varchar(255),
    message text not null default '',
    status varchar(20) default 'PENDING' check (status in ('PENDING', 'SENT', 'FAILED', 'CANCELLED')),
    sent_at timestamptz, error_message text, task_manager_task_id integer, task_manager_execution_id integer,
    created_at timestamptz default now(), updated_at timestamptz default now()) with (fillfactor = 50);
  create index on appointment_reminders (appointment_id);
  create table notification_history (id serial primary key,
    notification_type varchar(10) not null check (notification_type in ('EMAIL', 'SMS', 'BOTH')),
    notification_category varchar(20) not null
      check (notification_category in ('CONFIRMATION', 'REMINDER', 'CANCELLATION', 'RESCHEDULE', 'WAITLIST')),
    recipient_type varchar(20) not null check (recipient_type in ('PATIENT', 'CLIENT', 'PRACTITIONER')),
    recipient_id integer not null, recipient_email varchar(255), recipient_phone varchar(20), subject varchar(255),
    message text not null,
    status varchar(20) default 'SENT' check (status in ('SENT', 'FAILED', 'BOUNCED', 'DELIVERED')),
    sent_at timestamptz default now(), delivered_at timestamptz, error_message text,
    appointment_id integer references appointments(id), waitlist_entry_id integer, task_manager_task_id integer,
    task_manager_execution_id integer, created_at timestamptz default now());
  create index on notification_history (appointment_id);
  create index on notification_history (recipient_type, recipient_id, created_at);
  create index on notification_history (created_at);`

export const sender = 'clinic@example.org'
export const emailTemplate = {
  subject: 'Your appointment at {organization_name}',
  body: `Hello {patient_name},

this is a reminder of your appointment on {date} at {time} with {practitioner_name} at {organization_name}.

Location: {location}

If you cannot come, please let us know.
`,
}
export const smsTemplate = '{organization_name}: appointment {date} at {time}'

/** `more` is what a way of sending adds to the documented tables. */
export async function makeTables(db: pg.Pool, more: string): Promise<void> {
  await db.query(`${schema} ${more}`)
  await db.query(
    `insert into notification_settings (organization_id, email_from_address, email_templates, sms_templates)
     select id, $2, $3, $4 from unnest($1::uuid[]) as id`,
    [
      ...[organizations, sender],
      ...[{ appointment_reminder: emailTemplate }, { appointment_reminder: smsTemplate }].map((one) =>
        JSON.stringify(one),
      ),
    ],
  )
  await db.query(
    'insert into patient_notification_preferences (patient_id, waitlist_notification) select id, false from unnest($1::int[]) as id',
    [withPreferences],
  )
}
