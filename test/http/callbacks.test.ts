import { describe, expect, test } from 'vitest'
import { capture } from '../../adapters/transport/capture.ts'
import { TransportError } from '../../src/index.ts'
import { ask, openWorld, service, type World } from '../conformance/http/world.ts'

const report = (world: World, url: string, body: unknown) => {
  const path = url.slice('https://clinic.example/api/notifications'.length)
  return ask(world, { method: 'POST', path, body, caller: null })
}
const success = {
  status: 'success',
  result: { message_id: 'msg_123456', delivered_at: '2024-09-20T12:00:05Z', more: [1] },
}

async function sentWorld() {
  const world = await openWorld()
  await world.start()
  await world.clock.advance(10_000)
  const id = Number(world.own['notification_id'])
  return { world, id, url: world.callbackUrl('notification', id, world.clock.now()) }
}

describe('callbacks', () => {
  test('the documented body makes a sent notification delivered, once', async () => {
    const { world, id, url } = await sentWorld()
    expect(await report(world, url, success)).toMatchObject({
      status: 200,
      answer: { id, status: 'DELIVERED', updated: true },
    })
    expect(await report(world, url, success)).toMatchObject({
      status: 200,
      answer: { id, status: 'DELIVERED', updated: false },
    })
    expect(await world.notifications.getNotification(id)).toMatchObject({
      status: 'DELIVERED',
      deliveredAt: new Date('2024-09-20T12:00:05Z'),
    })
    await world.stop()
  })

  test('statuses go forward only: what is reported late and says less changes nothing', async () => {
    const { world, id, url } = await sentWorld()
    const failed = { status: 'failed', error: 'mailbox of ada@example.org (+1 415 555 0123) is full\n' }
    expect(await report(world, url, failed)).toMatchObject({ answer: { status: 'FAILED', updated: true } })
    expect(await report(world, url, { status: 'success' })).toMatchObject({
      answer: { status: 'FAILED', updated: false },
    })
    expect(await report(world, url, { status: 'running' })).toMatchObject({
      answer: { status: 'FAILED', updated: false },
    })
    expect(await report(world, url, { ...failed, status: 'bounced' })).toMatchObject({
      answer: { status: 'BOUNCED', updated: true },
    })
    const row = await world.notifications.getNotification(id)
    expect(row.errorMessage).toBe('mailbox of [address] ([number]) is full ')
    expect(await report(world, url, success)).toMatchObject({ answer: { status: 'BOUNCED', updated: false } })
    await world.stop()
  })

  test('an unknown outcome is settled by the report, and the reminder with it', async () => {
    const unsure = {
      ...capture(),
      send: async () => Promise.reject(new TransportError('cut', { outcome: 'unknown', code: 'cut' })),
    }
    const world = await openWorld({ transports: [unsure] })
    await world.settings.updateOrganizationSettings(world.own['organization_id'] ?? '', { unknownOutcome: 'hold' })
    await world.start()
    await world.clock.advanceTo('2024-09-24T18:31:00Z')
    const id = Number(world.own['reminder_id'])
    const url = world.callbackUrl('reminder', id, world.clock.now())
    expect(await report(world, url, { status: 'success' })).toMatchObject({
      answer: { id, status: 'SENT', updated: true },
    })
    expect(await report(world, url, { status: 'success' })).toMatchObject({
      answer: { id, status: 'SENT', updated: false },
    })
    await world.stop()
  })

  test('a body that says nothing is refused by name', async () => {
    const { world, url } = await sentWorld()
    expect(await report(world, url, {})).toMatchObject({ status: 422, answer: { field: 'status' } })
    expect(await report(world, url, { status: 'perhaps' })).toMatchObject({ status: 422, answer: { field: 'status' } })
    const early = { status: 'success', result: { delivered_at: 'yesterday' } }
    expect(await report(world, url, early)).toMatchObject({ status: 422, answer: { field: 'result.delivered_at' } })
    await world.stop()
  })

  test('without publicUrl or key there are no URLs', async () => {
    const world = await openWorld({ publicUrl: undefined })
    expect(() => world.callbackUrl('reminder', 1, new Date())).toThrow(
      expect.objectContaining({ code: 'options_invalid', field: 'publicUrl' }),
    )
    await world.stop()
    const keyless = await openWorld({ encryptionKey: [] })
    expect(() => keyless.callbackUrl('reminder', 1, new Date())).toThrow(
      expect.objectContaining({ code: 'encryption_key_missing' }),
    )
    const saved = await ask(keyless, {
      method: 'PUT',
      path: `/settings/${keyless.own['organization_id']}`,
      body: { email_password: 'secret' },
      caller: service,
    })
    expect(saved).toMatchObject({
      status: 500,
      answer: { field: 'email_password', detail: expect.stringContaining('NOTIFICATIONS_ENCRYPTION_KEY') },
    })
    const answer = await ask(keyless, {
      method: 'POST',
      path: '/callback/1?token=v1.x.y',
      body: success,
      caller: service,
    })
    expect(answer.status).toBe(401)
    await keyless.stop()
  })
})
