/** Ids, instants and cursors that are well written, and larger or earlier than anything a database holds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postgres } from '../../adapters/storage/postgres.ts'
import { capture } from '../../adapters/transport/capture.ts'
import type { NotificationsOptions } from '../../src/index.ts'
import { ask, authenticate, service } from '../conformance/http/world.ts'
import { openClinic, organizationId } from '../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../support/postgres-server.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())

const cursorOf = (text: string) => Buffer.from(text).toString('base64url')

describe('a request for what no database holds', () => {
  const refused = async (options: Partial<NotificationsOptions>) => {
    const report = { notificationId: Number.MAX_SAFE_INTEGER, receipt: { outcome: 'read' } } as const
    const outbox = capture({ receipts: async () => ({ kind: 'read', reports: [report] }) })
    const given = { authenticate, rateLimits: false, transports: [outbox], ...options } as const
    await using clinic = await openClinic('2024-09-20T12:00:00Z', given)
    clinic.host.book({ id: 1, startsAt: '2024-09-25T14:30:00' })
    const { notifications } = await clinic.notifications.appointmentBooked(1)
    const id = notifications[0]?.id ?? 0
    const { pathname, search } = new URL(clinic.callbackUrl('notification', id, new Date('2024-09-20T12:00:00Z')))
    const gets = [
      '/history/9007199254740991',
      '/history/2147483648',
      '/history/?start_date=0000-01-01T00:00Z',
      '/history/?end_date=0001-01-01T00:00:00%2B14:00',
      `/history/?cursor=${cursorOf('999999999999999.1')}`,
      `/history/?cursor=${cursorOf('1.999999999999999')}`,
      `/audit/${organizationId}?start_date=0000-01-01T00:00Z`,
      `/audit/${organizationId}?cursor=9007199254740991`,
      `/attention/?organization_id=${organizationId}&before=0000-01-01T00:00Z`,
      `/attention/?organization_id=${organizationId}&cursor=${cursorOf('1.999999999999999')}`,
      `/attention/csv?organization_id=${organizationId}&unreported_hours=2147483648`,
    ]
    for (const path of gets) {
      const { status } = await ask(clinic, { method: 'GET', path, caller: service })
      expect(`${path} ${status}`).toBe(`${path} 422`)
    }
    const path = `${pathname.replace(/^.*(?=\/callback)/, '')}${search}`
    const body = { status: 'success', result: { message_id: 'x', delivered_at: '0000-01-01T00:00Z' } }
    expect(await ask(clinic, { method: 'POST', path, body, caller: null })).toMatchObject({ status: 422 })
    // The earliest and the latest that there is find nothing, and fail in no database.
    for (const before of ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z']) {
      const asked = `/attention/?organization_id=${organizationId}&before=${before}&cursor=${cursorOf('1.2147483647')}`
      expect(await ask(clinic, { method: 'GET', path: asked, caller: service })).toMatchObject({ status: 200 })
    }
    const { status } = await ask(clinic, { method: 'GET', path: '/history/2147483647', caller: service })
    expect(status).toBe(404)
    // A provider reports on what it was sent along with a message, which may have been another program's.
    const reported = await clinic.handle({
      ...{ method: 'POST', path: '/webhooks/capture/email', query: '', headers: {}, native: null },
      readBody: async () => ({ kind: 'bytes', bytes: new Uint8Array() }),
    })
    expect(reported.status).toBe(200)
  }

  it('is refused: SQLite', () => refused({ publicUrl: 'https://clinic.example' }))
  it('is refused, not failed in the database: PostgreSQL', () =>
    refused({
      publicUrl: 'https://clinic.example',
      storage: postgres({ url: server.url, schema: `range_${process.pid}` }),
    }))
})
