import { describe, expect, it } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { csvOf } from '../../src/http/csv.ts'
import { TransportError } from '../../src/index.ts'
import { admin, ask, client, openWorld, otherAdmin, patient, service, viewer } from '../conformance/http/world.ts'
import { ada, organizationId } from '../support/clinic.ts'

const fault = new TransportError('no such number', { outcome: 'permanent', code: 'told_17' })

/** Two people whom nothing reached, one of them with a name that is meant for a spreadsheet. */
async function openAttention() {
  const world = await openWorld({ bare: true, transports: [capture({ fail: () => fault })] })
  // What the world comes with.
  world.host.appointmentRows.clear()
  await world.start()
  const names = { 101: '=HYPERLINK("evil","Ada")', 102: 'Byron, "Ada"' }
  for (const [id, name] of Object.entries(names)) {
    world.host.book({ id: Number(id), startsAt: '2024-09-26T14:30:00', recipients: [{ ...ada, id: Number(id), name }] })
    await world.notifications.scheduleReminders(Number(id))
    await world.notifications.sendAppointmentNotification(Number(id), { category: 'CONFIRMATION', channel: 'SMS' })
  }
  await world.settle()
  return world
}
const path = '/attention/?before=2024-10-01T00:00:00Z'

describe('GET /attention/', () => {
  it('shows people, reasons and numbers to staff and services, and masks numbers for viewers', async () => {
    await using world = await openAttention()
    const { status, answer } = await ask(world, { method: 'GET', path: `${path}&limit=1`, caller: admin })
    expect(status).toBe(200)
    expect(answer).toEqual({
      people: [
        {
          appointment_id: 101,
          starts_at: '2024-09-26T18:30:00.000Z',
          local_start: '2024-09-26T14:30:00',
          time_zone: 'America/New_York',
          recipient_type: 'PATIENT',
          recipient_id: 101,
          name: '=HYPERLINK("evil","Ada")',
          contact_name: null,
          phone: '+14155550123',
          reason: 'failed',
          because: 'the last message failed',
          notification_type: 'SMS',
          at: '2024-09-20T12:00:00.000Z',
          error_code: 'told_17',
          next_at: '2024-09-25T18:30:00.000Z',
        },
      ],
      next_cursor: expect.any(String),
    })
    const masked = await ask(world, { method: 'GET', path, caller: viewer })
    expect(masked.status).toBe(200)
    expect(masked.text).not.toContain('+14155550123')
    const named = await ask(world, {
      method: 'GET',
      path: `${path}&organization_id=${organizationId}`,
      caller: service,
    })
    expect(named.text).toContain('+14155550123')
    expect((await ask(world, { method: 'GET', path, caller: service })).status).toBe(422)
  })

  it.each([path, path.replace('/?', '/csv?')])('is for nobody else: %s', async (where) => {
    await using world = await openAttention()
    for (const caller of [patient, client]) {
      expect((await ask(world, { method: 'GET', path: where, caller })).status).toBe(403)
    }
    expect((await ask(world, { method: 'GET', path: where, caller: null })).status).toBe(401)
    const theirs = { ...otherAdmin }
    const foreign = await ask(world, {
      method: 'GET',
      path: `${where}&organization_id=${organizationId}`,
      caller: theirs,
    })
    expect(foreign.status).toBe(404)
    expect((await ask(world, { method: 'GET', path: where, caller: theirs })).text).not.toContain('evil')
  })

  it('is a table for spreadsheets too, in which nothing runs, page by page', async () => {
    await using world = await openAttention()
    const first = await ask(world, { method: 'GET', path: `${path.replace('/?', '/csv?')}&limit=1`, caller: admin })
    expect(first.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(first.text.split('\r\n')).toEqual([
      '\uFEFFappointment_id,starts_at,local_start,time_zone,recipient_type,recipient_id,name,contact_name,phone,reason,because,notification_type,at,error_code,next_at',
      `101,2024-09-26T18:30:00.000Z,2024-09-26T14:30:00,America/New_York,PATIENT,101,"'=HYPERLINK(""evil"",""Ada"")",,'+14155550123,failed,the last message failed,SMS,2024-09-20T12:00:00.000Z,told_17,2024-09-25T18:30:00.000Z`,
      '',
    ])
    const [, next = ''] = /^<csv(\?[^>]+)>; rel="next"$/.exec(first.headers['link'] ?? '') ?? []
    const second = await ask(world, { method: 'GET', path: `/attention/csv${next}`, caller: admin })
    expect(second.text.split('\r\n')[1]).toContain('"Byron, ""Ada""",')
    const all = await ask(world, { method: 'GET', path: path.replace('/?', '/csv?'), caller: admin })
    expect([all.text.split('\r\n').length, all.headers['link']]).toEqual([4, undefined])
    const masked = await ask(world, { method: 'GET', path: path.replace('/?', '/csv?'), caller: viewer })
    expect(masked.text).not.toContain('4155550123')
  })
})

it('shows whose message may be a refusal, since when, and what to do, until it is decided', async () => {
  const text = "I'll stop by at 3"
  const inbound = [{ from: '+14155550123', to: '+14155550100', text, messageId: 'SM1', at: null }]
  const receipts = async () => ({ kind: 'read', reports: [], inbound: inbound.splice(0) }) as const
  await using world = await openWorld({ bare: true, transports: [capture({ receipts })] })
  world.host.appointmentRows.clear()
  await world.start()
  world.host.book({ id: 101, startsAt: '2024-09-26T14:30:00', recipients: [{ ...ada, id: 101 }] })
  await world.notifications.scheduleReminders(101)
  await world.notifications.sendAppointmentNotification(101, { category: 'CONFIRMATION', channel: 'SMS' })
  await world.settle()
  const list = async () => (await ask(world, { method: 'GET', path, caller: admin })).answer
  expect(await list()).toMatchObject({ people: [] })
  await world.clock.advance(60_000)
  await ask(world, { method: 'POST', path: '/webhooks/capture/sms', caller: null })
  const row = { appointment_id: 101, recipient_id: 101, name: ada.name, notification_type: 'SMS', reason: 'in_doubt' }
  expect(await list()).toMatchObject({
    people: [{ ...row, at: '2024-09-20T12:01:00.000Z', because: expect.stringContaining('until staff decide') }],
  })
  const table = (await ask(world, { method: 'GET', path: path.replace('/?', '/csv?'), caller: admin })).text
  expect(table).toContain(',in_doubt,')
  const decision = { notification_type: 'SMS', address: '+14155550123', decision: 'cleared' }
  const decide = { method: 'POST', path: `/consent/${organizationId}/decide`, caller: admin, body: decision } as const
  expect((await ask(world, decide)).answer).toMatchObject({ changed: true })
  expect(await list()).toMatchObject({ people: [] })
})

it.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', `"\t'=1"`],
  ['\r=1', `"\r'=1"`],
  ['\u0000=1', "'\u0000=1"],
  ['＝1+1', "'＝1+1"],
  ['Ada; =HYPERLINK("https://evil.example")', `"Ada;' =HYPERLINK(""https://evil.example"")"`],
  ['a;b', '"a;b"'],
  ['a\nb', '"a\nb"'],
  [' =1', "' =1"],
  ['1,5', '"1,5"'],
  [null, ''],
  [12, '12'],
])('a cell %j is %j', (value, cell) => {
  expect(csvOf(['a'], [[value]])).toBe(`\uFEFFa\r\n${cell}\r\n`)
})
