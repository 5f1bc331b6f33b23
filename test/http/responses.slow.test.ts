import { expect, test } from 'vitest'
import { mediaTypesOf } from '../../src/http/content.ts'
import { readWire, wireOf } from '../../src/http/snake-case.ts'
import { errorTable } from '../../src/index.ts'
import { ask, creates, openWorld, seen, service, someoneAllowed, validRequest } from '../conformance/http/world.ts'

test('every row answers what its responses say', async () => {
  const world = await openWorld()
  const bareWorld = await openWorld({ bare: true })
  for (const row of world.endpoints) {
    const stage = creates(row) ? bareWorld : world
    for (const caller of row.id === 'health' ? [service, null] : [someoneAllowed(row)]) {
      const { status, answer } = await ask(
        stage,
        await seen(row, stage, stage.own, validRequest(row, stage.own, stage, caller)),
      )
      const schema = row.responses[status]
      if (schema === undefined) throw new Error(`${row.id} answered ${status}`)
      if (!mediaTypesOf(schema).includes('application/json')) continue
      const issues: { field: string; message: string }[] = []
      readWire(schema, wireOf(schema), answer, { text: false, issues })
      expect([row.id, issues]).toEqual([row.id, []])
    }
  }
  await world.stop()
  await bareWorld.stop()
})

test('rows are told apart by id, method and path, and name errors that exist', async () => {
  const world = await openWorld({ bare: true })
  await world.stop()
  const ids = world.endpoints.map(({ id }) => id)
  const places = world.endpoints.map(
    ({ method, path }) => `${method} ${path.replace(/\/$/, '').replace(/\{\w+\}/g, '{}')}`,
  )
  expect(new Set(ids).size).toBe(ids.length)
  expect(new Set(places).size).toBe(places.length)
  for (const { errors, summary } of world.endpoints) {
    expect(summary.length).toBeGreaterThan(10)
    for (const code of errors) expect(errorTable).toHaveProperty(code)
  }
})

test('every documented endpoint is a row', async () => {
  const world = await openWorld({ bare: true })
  await world.stop()
  const documented = [
    'POST /settings/',
    'GET /settings/{organization_id}',
    'PUT /settings/{organization_id}',
    'POST /preferences/patient/',
    'GET /preferences/patient/{patient_id}',
    'PUT /preferences/patient/{patient_id}',
    'POST /preferences/client/',
    'GET /preferences/client/{client_id}',
    'PUT /preferences/client/{client_id}',
    'POST /reminders/appointment/{appointment_id}',
    'GET /reminders/appointment/{appointment_id}',
    'DELETE /reminders/appointment/{appointment_id}',
    'POST /reminders/appointment/{appointment_id}/reschedule',
    'POST /send/appointment/{appointment_id}',
    'GET /history/',
    'GET /history/{notification_id}',
    'POST /callback/{notification_id}',
    'POST /reminder-callback/{reminder_id}',
    'GET /templates/{organization_id}',
    'PUT /templates/{organization_id}',
    'GET /health',
    'GET /statistics',
    'GET /reminder-statistics',
    'GET /debug/preferences/{patient_id}',
    'GET /debug/effective-settings/{organization_id}',
  ]
  const rows = world.endpoints.map(({ method, path }) => `${method} ${path}`)
  expect(rows).toEqual(expect.arrayContaining(documented))
})
