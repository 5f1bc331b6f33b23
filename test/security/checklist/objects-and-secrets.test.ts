import { describe, expect, test } from 'vitest'
import { admin, ask, missingIds, openWorld, patient, service } from '../../conformance/http/world.ts'
import { account, configure, openedWorld, passwordUsed, recording, secret, settingsPath } from './support.ts'

// Every route and every caller: test/http/access.test.ts.
describe('objects of others (OWASP API1)', () => {
  test('a list that is filtered by an object of others reads as one filtered by nothing there', async () => {
    const world = await openWorld()
    for (const caller of [admin, patient]) {
      for (const filter of ['appointment_id', 'waitlist_entry_id', 'recipient_type=PATIENT&recipient_id']) {
        const id = filter.endsWith('recipient_id') ? 'patient_id' : filter
        const list = (value: string | undefined) =>
          ask(world, { method: 'GET', path: `/history/?delivery_state=all&${filter}=${value}`, caller })
        const [foreign, missing] = [await list(world.foreign[id]), await list(missingIds[id])]
        const told = (text: string, value = '') => text.replaceAll(value, 'ID')
        expect([foreign.status, told(foreign.text, world.foreign[id])]).toEqual([
          missing.status,
          told(missing.text, missingIds[id]),
        ])
      }
    }
    await world.stop()
  })

  test("a cursor of another organization's list opens nothing of it", async () => {
    const world = await openWorld()
    const list = (cursor: string, organization?: string) =>
      ask(world, {
        method: 'GET',
        path: `/history/?delivery_state=all&limit=1${cursor}${organization === undefined ? '' : `&organization_id=${organization}`}`,
        caller: organization === undefined ? admin : service,
      })
    const foreign = await list('', world.foreign['organization_id'])
    const { next_cursor: cursor } = Object(foreign.answer)
    expect(cursor).toEqual(expect.any(String))
    const { text } = await list(`&cursor=${cursor}`)
    expect(text).not.toContain(world.foreign['organization_id'])
    await world.stop()
  })

  test('recipients of others cannot be named in bulk for an appointment of one’s own', async () => {
    const world = await openWorld()
    const path = `/send/appointment/${world.own['appointment_id']}`
    const send = (id: number) => {
      const body = { notification_type: 'confirmation', recipients: [{ type: 'PATIENT', id }] }
      return ask(world, { method: 'POST', path, body, caller: admin })
    }
    const foreign = await send(Number(world.foreign['patient_id']))
    const missing = await send(Number(missingIds['patient_id']))
    expect(foreign.text.replaceAll(world.foreign['patient_id'] ?? '', 'ID')).toBe(
      missing.text.replaceAll(missingIds['patient_id'] ?? '', 'ID'),
    )
    expect(foreign.text).not.toContain('@example.org')
    await world.stop()
  })
})

// Unknown fields: test/http/strict.test.ts. Responses, errors, logs and events: test/http/secrets.test.ts.
describe('extra and secret fields (API3)', () => {
  test('a secret is in no row of the database, decisions among them, and in no dry run', async () => {
    const { database, world } = await openedWorld([recording([])])
    await configure(world, account)
    await world.start()
    await world.clock.advanceTo('2024-09-26T12:00:00Z')
    const stored = database.serialize()
    expect(stored.includes('smtp.example.org')).toBe(true)
    for (const trace of [secret, Buffer.from(secret).toString('base64').slice(0, 14)]) {
      expect(stored.includes(trace)).toBe(false)
    }
    const paths = ['/plan', '/explain'].map((end) => `/reminders/appointment/${world.own['appointment_id']}${end}`)
    for (const path of paths)
      expect((await ask(world, { method: 'GET', path, caller: service })).text).not.toContain(secret)
    await world.stop()
  })

  test('an echoed mask leaves the secret that is sent with', async () => {
    const used: string[] = []
    const { world } = await openedWorld([recording(used)])
    await configure(world, account)
    await world.start()
    const { text } = await ask(world, { method: 'GET', path: settingsPath(world), caller: service })
    await configure(world, JSON.parse(text))
    expect(await passwordUsed(world, used)).toBe(secret)
    await world.stop()
  })
})
