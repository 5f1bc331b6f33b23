/** What is refused when it is written: nobody gets as far as a log or health. */
import { pgBoss } from '../../adapters/scheduler/pg-boss.ts'
import { sqlite } from '../../adapters/storage/sqlite.ts'
import { capture } from '../../adapters/transport/capture.ts'
import { smtp } from '../../adapters/transport/smtp.ts'
import { twilio } from '../../adapters/transport/twilio.ts'
import { createNotifications, type NotificationsOptions } from '../../src/index.ts'
import { HostData, organizationId, testKey } from '../support/clinic.ts'
import { openHost, type RefusedSetUp, service } from './host.ts'

const publicUrl = 'https://clinic.example/api/notifications'

const create = (options: Partial<NotificationsOptions>) =>
  createNotifications({
    storage: sqlite(':memory:'),
    directory: new HostData(),
    transports: [smtp()],
    encryptionKey: testKey,
    env: {},
    ...options,
  })

/** Settings over HTTP, by somebody who reads nothing but the answer. */
async function save(settings: object, options: Parameters<typeof openHost>[0] = {}) {
  const host = await openHost({ transports: [smtp(), twilio()], ...options, isBooked: false })
  const body = { organization_id: organizationId, ...settings }
  const { status, text } = await host.request('POST', '/settings/', service, body)
  if (status >= 400) throw new Error(text)
}

export const refused: readonly RefusedSetUp[] = [
  {
    name: 'an encryption key of zeros',
    make: () => create({ encryptionKey: Buffer.alloc(32).toString('base64') }),
    error: /encryption key must be random.*openssl rand -base64 32/,
  },
  {
    name: 'an encryption key that is too short',
    make: () => create({ env: { NOTIFICATIONS_ENCRYPTION_KEY: 'secret' }, encryptionKey: undefined }),
    error: /encryption key must be 32 bytes.*openssl rand -base64 32/,
  },
  {
    name: 'TaskManager at a URL that is nonsense',
    make: () => create({ taskManager: { url: 'nonsense' }, publicUrl }),
    error: /url must be a URL such as "http:\/\/taskmanager:8001".*TASK_MANAGER_URL/,
  },
  {
    name: 'TaskManager without a public URL to call back',
    make: () => create({ taskManager: { url: 'http://127.0.0.1:1' } }),
    error: /"publicUrl"/,
  },
  {
    name: 'a public URL that is a path',
    make: () => create({ publicUrl: '/api/notifications' }),
    error: /publicUrl/,
  },
  {
    name: 'a callback URL without a public one',
    make: () => create({}).callbackUrl('reminder', 1, new Date()),
    error: /Callback URLs need the option "publicUrl"/,
  },
  {
    name: 'an SMTP port that is no number',
    make: () => create({ env: { DEFAULT_SMTP_HOST: 'smtp.example.org', DEFAULT_SMTP_PORT: 'smtp' } }),
    error: /DEFAULT_SMTP_PORT/,
  },
  {
    name: 'a directory without "organizations"',
    make: () => create({ directory: JSON.parse('{}') }),
    error: /directory must be an object with the methods appointments, organizations/,
  },
  {
    name: 'two transports of one name',
    make: () => create({ transports: [capture(), capture()] }),
    error: /"transports" has two transports named "capture"/,
  },
  { name: 'no connections for mail', make: () => smtp({ maxConnections: 0 }), error: /"maxConnections"/ },
  { name: 'an engine at a URL that is none', make: () => pgBoss({ url: 'localhost' }), error: /postgres:\/\// },
  { name: 'an empty path of SQLite', make: () => sqlite(''), error: /path is empty/ },
  {
    name: 'a mail host in a private network',
    make: () => save({ email_smtp_host: '127.0.0.1', email_from_address: 'clinic@example.org' }),
    error: /"field":"email_smtp_host".*private/,
  },
  {
    name: 'a port that no mail server has',
    make: () => save({ email_smtp_host: '192.0.2.7', email_smtp_port: 8080, email_from_address: 'clinic@example.org' }),
    error: /"field":"email_smtp_port".*25, 465, 587/,
  },
  {
    name: 'credentials without an encryption key',
    make: () =>
      save(
        { email_smtp_host: 'smtp.example.org', email_password: 'canary' },
        { encryptionKey: [], publicUrl: undefined },
      ),
    error: /encryption_key_missing.*NOTIFICATIONS_ENCRYPTION_KEY|encryption_key_missing.*encryptionKey/,
  },
  {
    name: 'an SMS provider that is not installed',
    make: () => save({ sms_provider: 'pigeon' }),
    error: /unknown_provider.*twilio/,
  },
  {
    name: 'a template with a variable that nobody knows',
    make: () => save({ email_templates: { appointment_reminder: 'At {tme}' } }),
    error: /email_templates\.appointment_reminder.*\{tme\} is not a known variable/,
  },
]
