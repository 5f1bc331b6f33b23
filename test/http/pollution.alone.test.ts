import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, creates, openWorld, someoneAllowed, validRequest, type World } from '../conformance/http/world.ts'

/** A file of its own: a frozen prototype cannot be thawed. */
let world: World
let bareWorld: World
beforeAll(async () => {
  world = await openWorld()
  bareWorld = await openWorld({ bare: true })
  Object.freeze(Object.prototype)
})
afterAll(async () => {
  await world.stop()
  await bareWorld.stop()
})

const attacks = [
  '"__proto__":{"polluted":true}',
  '"__proto__":null',
  '"constructor":{"prototype":{"polluted":true}}',
  '"prototype":{"polluted":true}',
  '"toString":"x"',
]

/** The body with the attack at each opening of an object, one at a time. */
function* attacked(body: unknown): Generator<string> {
  const text = JSON.stringify(body ?? {})
  for (const attack of attacks) {
    for (const { index } of text.matchAll(/\{(?=["}])/g)) {
      const rest = text.slice(index + 1)
      yield `${text.slice(0, index + 1)}${attack}${rest.startsWith('}') ? '' : ','}${rest}`
    }
  }
}

test('no body reaches a prototype: foreign keys are refused at every depth, or not read', async () => {
  let count = 0
  for (const row of world.endpoints.filter(({ method }) => method !== 'GET' && method !== 'DELETE')) {
    const stage = creates(row) ? bareWorld : world
    const request = validRequest(row, stage.own, stage, someoneAllowed(row))
    for (const body of attacked(request.body)) {
      const { status, text } = await ask(stage, { ...request, body })
      count += 1
      // What a task service adds to `result` is its own business; a prototype is not.
      // Bytes that a provider signed are its reader's, and are not merged into anything.
      const mayPass = row.access.kind === 'provider' || (row.access.kind === 'token' && !body.includes('__proto__'))
      // A form is no JSON, and its fields are asked for by name.
      const isForm = row.access.kind === 'link' && status === 415
      expect([row.id, body, isForm || status === 422 || (mayPass && status === 200), text]).toEqual([
        row.id,
        body,
        true,
        text,
      ])
    }
  }
  expect(count).toBeGreaterThan(60)
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
})

test('no query and no path reaches one either', async () => {
  for (const row of world.endpoints) {
    const request = validRequest(row, world.own, world, someoneAllowed(row))
    // What providers add to a URL is signed with it, and only their reader looks at it.
    const right = row.access.kind === 'provider' ? [200, 422] : row.access.kind === 'link' ? [404] : [422]
    for (const name of ['__proto__', 'constructor', '__proto__[polluted]', 'constructor.prototype']) {
      const mark = request.path.includes('?') ? '&' : '?'
      const { status } = await ask(world, { ...request, path: `${request.path}${mark}${encodeURIComponent(name)}=1` })
      expect(right, `${row.id} ${name} ${status}`).toContain(status)
    }
  }
  for (const path of [
    '/__proto__',
    '/constructor',
    '/settings/__proto__',
    '/templates/constructor',
    '/debug/preferences/__proto__',
  ]) {
    expect((await ask(world, { method: 'GET', path, caller: { kind: 'service' } })).status).toBeOneOf([404, 422])
  }
})
