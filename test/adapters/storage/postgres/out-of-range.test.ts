import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgres } from '../../../../adapters/storage/postgres.ts'
import {
  ask,
  fieldsOf,
  openWorld,
  requestAbout,
  someoneAllowed,
  type WireRequest,
  type World,
} from '../../../conformance/http/world.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { freshSchema } from './fixture.ts'

let server: PostgresServer
let world: World
beforeAll(async () => {
  server = await openPostgres()
  world = await openWorld({ storage: postgres({ url: server.url, schema: freshSchema(), connections: 2 }) })
})
afterAll(async () => {
  await world.stop()
  await server.stop()
})

const idFields = /^(appointment|patient|client|recipient|waitlistEntry|notification|reminder)Id$/
/** Ids that are text in every database. */
const texts = ['{organization_id}', '{account_id}']
const ids = ['99999999999999999999', '9007199254740992', '2147483648', '0', '-1', '1e3', '1.5']
const dates = ['20000-01-01T00:00:00Z', '+020000-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59-12:00']
const cursor = (text: string) => Buffer.from(text).toString('base64url')
const cursors = [
  'broken',
  '',
  cursor('1.2147483648'),
  cursor('999999999999999.1'),
  cursor('1.1.1'),
  '99999999999999999999',
]
const numbers = ['99999999999999999999', '-1', '2147483648']

const snake = (field: string) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** A valid request with one thing of it replaced. */
function* broken(): Generator<{ readonly name: string; readonly value: string; readonly request: WireRequest }> {
  for (const row of world.endpoints) {
    const request = requestAbout(row, world, world.own, someoneAllowed(row))
    const [path = '', search = ''] = request.path.split('?')
    for (const [index, part] of row.path.split('/').entries()) {
      if (!/_id\}$/.test(part) || texts.includes(part)) continue
      for (const value of ids) {
        const parts = path.split('/')
        parts[index] = value
        yield { name: `${row.id} ${part}`, value, request: { ...request, path: `${parts.join('/')}?${search}` } }
      }
    }
    for (const field of fieldsOf(row.query)) {
      const values = idFields.test(field)
        ? ids
        : /date$/i.test(field)
          ? dates
          : field === 'cursor'
            ? cursors
            : ['limit', 'offset'].includes(field)
              ? numbers
              : []
      for (const value of values) {
        const query = new URLSearchParams(search)
        query.set(snake(field), value)
        if (field === 'cursor') query.delete('offset')
        yield { name: `${row.id} ?${field}`, value, request: { ...request, path: `${path}?${query}` } }
      }
    }
    const { body } = request
    if (typeof body !== 'object' || body === null) continue
    for (const field of fieldsOf(row.body)) {
      if (!idFields.test(field)) continue
      for (const id of ids) {
        const value = Number(id)
        if (value === 2 ** 31 || value === 1000) continue
        yield {
          name: `${row.id} body ${field}`,
          value: id,
          request: { ...request, body: { ...body, [snake(field)]: value } },
        }
      }
    }
  }
}

it('security checklist: ids, dates and cursors out of range are 422 on every endpoint, and no log line quotes one', async () => {
  const wrong: string[] = []
  let count = 0
  for (const { name, value, request } of broken()) {
    count += 1
    const { status } = await ask(world, request)
    // An id of the host's may be any that a number can be exactly; a token is of one id, and looked at before anything else.
    const right = value === '2147483648' || value === '9007199254740992' ? [200, 404, 422] : [422]
    const allowed = request.path.includes('token=') ? [401, 403, ...right] : right
    if (!allowed.includes(status)) wrong.push(`${name} ${value}: ${status}`)
  }
  expect(count).toBeGreaterThan(100)
  expect(wrong).toEqual([])
  const lines = JSON.stringify(world.log.lines)
  for (const value of ['99999999999999999999', '020000', '2147483648', 'broken']) expect(lines).not.toContain(value)
})

it('refuses the same in TypeScript', async () => {
  const { notifications, audit } = world
  const far = new Date('+020000-01-01T00:00:00Z')
  for (const run of [
    () => notifications.history({ startDate: far }),
    () => notifications.history({ endDate: new Date(-8.64e15) }),
    () => notifications.history({ cursor: cursor('1.9999999999') }),
    () => notifications.getNotification(2 ** 31),
    () => audit.list(world.own['organization_id'] ?? '', { startDate: far }),
    () => audit.list(world.own['organization_id'] ?? '', { cursor: 2 ** 31 }),
  ]) {
    await expect(run()).rejects.toMatchObject({ code: 'invalid_input' })
  }
})
