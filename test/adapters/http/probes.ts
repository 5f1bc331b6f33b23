import { connect } from 'node:net'
import { admin, callerHeader, type Ids, patient, service, viewer } from '../../conformance/http/world.ts'
import { otherOrganizationId } from '../../support/clinic.ts'

export const basePath = '/api/notifications'

/** What a request is sent to, and what is there. */
export type Target = { readonly origin: string; readonly own: Ids; readonly foreign: Ids }
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string }

export const as = (caller: unknown): Record<string, string> => ({ [callerHeader]: JSON.stringify(caller) })
export const json = { 'content-type': 'application/json' }
export const reminders = '/reminders/appointment/42'

export async function ask({ origin }: Pick<Target, 'origin'>, path: string, init: RequestInit = {}): Promise<Answer> {
  const headers = new Headers(init.headers)
  if (!headers.has(callerHeader)) headers.set(callerHeader, JSON.stringify(service))
  const answer = await fetch(`${origin}${basePath}${path}`, { ...init, headers })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

/** Bytes as they are, on a connection of their own: what comes back until the server or `waitMs` ends it. */
export function speak({ origin }: Pick<Target, 'origin'>, text: string, waitMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    let told = ''
    const socket = connect(Number(new URL(origin).port), '127.0.0.1', () => socket.write(text))
    const timer = setTimeout(() => socket.destroy(), waitMs)
    socket.on('data', (chunk) => {
      told += chunk.toString('latin1')
    })
    // The server may be done before it has read everything.
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(told)
    })
  })
}

export const head = (method: string, path: string, ...lines: readonly string[]): string =>
  [`${method} ${basePath}${path} HTTP/1.1`, 'Host: clinic.example', ...lines, '', ''].join('\r\n')

const from = (caller: unknown) => `${callerHeader}: ${JSON.stringify(caller)}`
const last = head('GET', '/health', from(service), 'Connection: close')
const statuses = (told: string) => [...told.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
const spoken = async (target: Target, text: string) => statuses(await speak(target, text))

const post = (body: string, headers: Record<string, string> = json, path = reminders) => ({
  path,
  init: { method: 'POST', headers, body },
})
const put = (body: string) => ({ init: { method: 'PUT', headers: json, body } })

export type Probe = {
  readonly name: string
  /** The statuses of the answers, in order. */
  readonly run: (target: Target) => Promise<readonly number[]>
  /** Any of these. */
  readonly expected: readonly (readonly number[])[]
  /** A parser in front of the endpoints has an answer of its own. */
  readonly isParsers?: true
}
const parsers = (probe: Probe): Probe => ({ ...probe, isParsers: true })

type Asked = { readonly path: string; readonly init?: RequestInit }
const one = (name: string, expected: number, ...requests: readonly (Asked | ((target: Target) => Asked))[]): Probe => ({
  name,
  async run(target) {
    const answers: number[] = []
    for (const request of requests) {
      const { path, init } = typeof request === 'function' ? request(target) : request
      answers.push((await ask(target, path, init)).status)
    }
    return answers
  },
  expected: [requests.map(() => expected)],
})
const raw = (name: string, text: string, ...expected: readonly (readonly number[])[]): Probe => ({
  name,
  run: (target) => spoken(target, text),
  expected,
})

const settings = ({ own }: Target) => `/settings/${own['organization_id']}`
const longBody = 'x'.repeat(200_000)
const typed = 'Content-Type: application/json'
const boundary = 'boundary'
const part = `--${boundary}\r\nContent-Disposition: form-data; name="custom_reminders"\r\n\r\n[24]\r\n--${boundary}--\r\n`

/** What clients send by mistake, and strangers on purpose. */
export const probes: readonly Probe[] = [
  one('a byte order mark before JSON', 201, post('\ufeff{"custom_reminders":[24]}')),
  parsers(one('JSON that is no object', 422, post('null'), post('[]'), post('"text"'), post('7'))),
  one('a body of blanks', 400, post('   ')),
  parsers(one('JSON in UTF-16', 415, post('{}', { 'content-type': 'application/json; charset=utf-16' }))),
  one(
    'what a page of a stranger can send without asking the browser',
    415,
    post('{"custom_reminders":[24]}', { 'content-type': 'text/plain' }),
    post('custom_reminders[]=24', { 'content-type': 'application/x-www-form-urlencoded' }),
    post(part, { 'content-type': `multipart/form-data; boundary=${boundary}` }),
  ),
  one('a number that is none', 422, post('{"custom_reminders":[1e400]}')),
  one(
    'text that no database and no mail takes',
    422,
    (target) => ({ path: settings(target), ...put('{"email_from_name":"a\\u0000b"}') }),
    (target) => ({ path: settings(target), ...put('{"email_from_name":"a\\ud800b"}') }),
    (target) => ({ path: settings(target), ...put('{"email_from_name":"a\\r\\nBcc: b@example.org"}') }),
  ),
  one('the names of prototypes as fields', 422, post('{"__proto__":{"custom_reminders":[24]}}'), {
    path: '/history/?__proto__[x]=1',
  }),
  one(
    'parameters that are given twice, or in brackets, or as an operator',
    422,
    { path: '/history/?limit=1&limit=2' },
    { path: '/history/?limit[]=1' },
    { path: '/history/?status[$ne]=SENT' },
  ),
  one('no such method', 405, { path: reminders, init: { method: 'PATCH', headers: json, body: '{}' } }),
  raw('TRACE', head('TRACE', '/health', 'Connection: close'), [404], [405]),
  one('paths beside an endpoint', 404, { path: '/health;a=1' }, { path: '/health%20' }, { path: '/HEALTH' }),
  one('a percent sign that starts no character', 400, { path: '/settings/%zz' }),
  raw('the folder above as an id', head('GET', '/settings/%2e%2e', from(service), 'Connection: close'), [404]),
  one(
    'an id in other words than its own',
    422,
    ...['012', '12.0', '+12', '0xC', '1e1', '%2012', '12%00', '12,13', '9007199254740993'].map((id) => ({
      path: `/preferences/patient/${id}`,
    })),
    { path: '/preferences/patient/012', init: { headers: as(patient) } },
  ),
  one(
    'the ids of another organization in every place',
    404,
    { path: `/history/?organization_id=${otherOrganizationId}`, init: { headers: as(admin) } },
    {
      path: '/settings/',
      init: {
        method: 'POST',
        headers: { ...json, ...as(admin) },
        body: JSON.stringify({ organization_id: otherOrganizationId }),
      },
    },
    ({ own, foreign }) => ({
      path: `/settings/${own['organization_id']}%2F..%2F${foreign['organization_id']}`,
      init: { headers: as(viewer) },
    }),
    ({ own }) => ({
      path: `/settings/${own['organization_id']?.toUpperCase()}`,
      init: { headers: as(viewer) },
    }),
    ({ foreign }) => ({ path: `/history/${foreign['notification_id']}`, init: { headers: as(viewer) } }),
    ({ foreign }) => ({
      path: `/reminders/appointment/${foreign['appointment_id']}`,
      init: { headers: as(viewer) },
    }),
  ),
  one(
    'another organization or person in the body than in the path',
    422,
    (target) => ({ path: settings(target), ...put(JSON.stringify({ organization_id: otherOrganizationId })) }),
    (target) => ({ path: settings(target), ...put(JSON.stringify({ organizationId: otherOrganizationId })) }),
    { path: '/preferences/patient/12', ...put('{"patient_id":13}') },
    post('{"appointment_id":43}'),
  ),
  one(
    'callers whom a broken sign-in makes',
    500,
    ...[
      { kind: 'staff', role: 'admin' },
      { kind: 'staff', organizationId: '', role: 'admin' },
      { kind: 'staff', organizationId: null, role: 'admin' },
      { kind: 'staff', organizationId: [otherOrganizationId], role: 'admin' },
      { kind: 'staff', organizationId: otherOrganizationId, role: 'superadmin' },
      { kind: 'service', organizationId: otherOrganizationId },
      { kind: 'patient', organizationId: otherOrganizationId, id: '12' },
      [service],
      'service',
      true,
    ].map((caller) => ({ path: '/preferences/patient/12', init: { headers: as(caller) } })),
  ),
  parsers(
    raw(
      'nobody, with a long body: the connection is good for the next request',
      head('POST', reminders, typed, `Content-Length: ${longBody.length}`) + longBody + last,
      [401, 200],
    ),
  ),
  parsers(
    raw(
      'no endpoint, with a long body',
      head('POST', '/nothing', from(service), typed, `Content-Length: ${longBody.length}`) + longBody + last,
      [404, 200],
    ),
  ),
  raw(
    'a body where none is asked for',
    `${head('GET', '/health', from(service), typed, 'Content-Length: 2')}{}${last}`,
    [200, 200],
  ),
  parsers(
    raw(
      'too much of a body',
      head('POST', reminders, from(service), typed, 'Content-Length: 300000') + 'x'.repeat(300_000) + last,
      // A server may end the connection, so that it need not read the rest.
      [413],
      [413, 200],
    ),
  ),
  parsers(
    raw(
      'a client that waits to be asked for its body, and is nobody',
      head('POST', reminders, typed, 'Content-Length: 100', 'Expect: 100-continue', 'Connection: close'),
      [100, 401],
      [401],
    ),
  ),
  raw(
    'a body of no chunks',
    `${head('POST', reminders, from(service), typed, 'Transfer-Encoding: chunked', 'Connection: close')}0\r\n\r\n`,
    [201],
  ),
  raw(
    'a request within a request',
    `${head('POST', reminders, from(service), typed, 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n${last}`,
    [400],
  ),
  raw(
    'two lengths',
    `${head('POST', reminders, from(service), typed, 'Content-Length: 2', 'Content-Length: 9')}{}`,
    [400],
  ),
]
