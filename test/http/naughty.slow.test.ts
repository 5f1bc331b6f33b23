import { afterAll, beforeAll, expect, test } from 'vitest'
import { toSnake } from '../../src/schemas/fields.ts'
import {
  ask,
  creates,
  fieldsOf,
  openWorld,
  service,
  someoneAllowed,
  validRequest,
  type World,
} from '../conformance/http/world.ts'
import { naughtyStrings } from './naughty.ts'

let world: World
let bareWorld: World
beforeAll(async () => {
  world = await openWorld()
  bareWorld = await openWorld({ bare: true })
})
afterAll(async () => {
  await world.stop()
  await bareWorld.stop()
})

/** The value where a field of this name holds text, also deeper. */
const shapesOf = (name: string, text: string): unknown[] => {
  if (name.endsWith('_templates')) {
    return [{ appointment_reminder: text }, { appointment_reminder: { subject: text, body: 'x' } }, { [text]: 'x' }]
  }
  if (name.endsWith('_reminders')) return [[text]]
  if (name === 'template') return [text, { subject: text, body: text }]
  if (name === 'result') return [{ message_id: text, delivered_at: text, error: text, [text]: text }]
  if (name === 'recipients') return [[{ type: 'PATIENT', id: text }], [{ type: text, id: 12 }]]
  return [text]
}

test('no text in any field of any body is a fault of ours', { timeout: 60_000 }, async () => {
  for (const row of world.endpoints) {
    const stage = creates(row) ? bareWorld : world
    const request = validRequest(row, stage.own, stage, someoneAllowed(row))
    for (const name of fieldsOf(row.body).map(toSnake)) {
      for (const text of naughtyStrings) {
        for (const value of shapesOf(name, text)) {
          const { status, answer } = await ask(stage, { ...request, body: { ...Object(request.body), [name]: value } })
          expect([row.id, name, text, status < 500, answer]).toEqual([row.id, name, text, true, answer])
        }
      }
    }
  }
})

test('nor in a query, nor in a path', { timeout: 60_000 }, async () => {
  for (const row of world.endpoints) {
    const request = validRequest(row, world.own, world, someoneAllowed(row))
    for (const text of naughtyStrings.filter((one) => one.isWellFormed())) {
      for (const name of fieldsOf(row.query).map(toSnake)) {
        const [path] = request.path.split('?')
        const { status } = await ask(world, { ...request, path: `${path}?${name}=${encodeURIComponent(text)}` })
        expect([row.id, name, text, status < 500]).toEqual([row.id, name, text, true])
      }
      const path = row.path.replace(/\{\w+\}/g, encodeURIComponent(text))
      const { status } = await ask(world, { ...request, path, caller: service })
      expect([row.id, text, status < 500]).toEqual([row.id, text, true])
    }
  }
})

test('what is accepted is given back as it was', async () => {
  const path = `/settings/${world.own['organization_id']}`
  let accepted = 0
  for (const text of naughtyStrings) {
    const body = { email_from_name: text, sms_templates: { waitlist_notification: `x${text}` } }
    const { status } = await ask(world, { method: 'PUT', path, body, caller: service })
    expect(status).toBeOneOf([200, 422])
    if (status !== 200) continue
    accepted += 1
    expect((await ask(world, { method: 'GET', path, caller: service })).answer).toMatchObject(body)
  }
  expect(accepted).toBeGreaterThan(15)
})
