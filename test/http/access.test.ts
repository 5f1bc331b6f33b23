import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Caller, trustEveryCaller } from '../../src/index.ts'
import {
  admin,
  ask,
  client,
  creates,
  missingIds,
  openWorld,
  otherAdmin,
  patient,
  requestAbout,
  seen,
  service,
  tokenFor,
  usesUp,
  validRequest,
  viewer,
  type World,
  withoutIds,
} from '../conformance/http/world.ts'

/** Of the other organization; the callers of the table below are of the first. */
const strangers: readonly Caller[] = [
  otherAdmin,
  { kind: 'staff', organizationId: otherAdmin.kind === 'staff' ? otherAdmin.organizationId : '', role: 'viewer' },
]
const members: Readonly<Record<string, Caller>> = { admin, viewer, patient, client }

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

const rows = await (async () => {
  const probe = await openWorld({ bare: true })
  await probe.stop()
  return probe.endpoints
})()
const forMembers = rows.filter((row) => row.access.kind === 'members')

const isOk = (status: number): boolean => status === 200 || status === 201

describe.each(forMembers)('$id', (row) => {
  const { access } = row
  if (access.kind !== 'members') return
  const mayBe = (caller: Caller): boolean => {
    if (caller.kind === 'service') return true
    if (caller.kind === 'staff')
      return access.staff === 'viewer' || (access.staff === 'admin' && caller.role === 'admin')
    return access.self
  }
  /** A fresh world where the row changes what others of this file read. */
  const stageFor = async () => (creates(row) || usesUp(row) ? await openWorld({ bare: creates(row) }) : world)

  test('nobody is 401', async () => {
    const { status, answer, headers } = await ask(world, requestAbout(row, world, world.own, null))
    expect([status, answer]).toEqual([401, expect.objectContaining({ code: 'unauthenticated' })])
    expect(headers['www-authenticate']).toBe('Bearer')
  })

  test('a service may, for every organization', async () => {
    const stage = await stageFor()
    for (const ids of [stage.own, stage.foreign]) {
      const { status, text } = await ask(stage, await seen(row, stage, ids, requestAbout(row, stage, ids, service)))
      expect([isOk(status), text]).toEqual([true, expect.anything()])
    }
  })

  test.each(Object.entries(members))('%s: only what the rule of the row says', async (_name, caller) => {
    const stage = await stageFor()
    const request = await seen(row, stage, stage.own, requestAbout(row, stage, stage.own, caller))
    const { status, answer } = await ask(stage, request)
    if (!mayBe(caller)) expect([status, answer]).toEqual([403, expect.objectContaining({ code: 'forbidden' })])
    else if (caller.kind === 'staff') expect([isOk(status), answer]).toEqual([true, expect.anything()])
    // A row about one kind of person is not there for the other kind.
    else expect(isOk(status) || status === 404).toBe(true)
  })

  test.each(Object.entries(members))(
    "%s: another organization's object is as if it were not there",
    async (_name, caller) => {
      const stage = creates(row) ? bareWorld : world
      const foreign = await ask(stage, requestAbout(row, stage, stage.foreign, caller))
      const missing = await ask(stage, requestAbout(row, stage, missingIds, caller))
      expect(foreign.status).toBe(mayBe(caller) ? 404 : 403)
      expect(missing.status).toBe(foreign.status)
      expect(withoutIds(foreign.text, stage.foreign)).toBe(withoutIds(missing.text, missingIds))
      expect(foreign.headers['content-length']).toBeDefined()
    },
  )

  test('strangers find nothing here either', async () => {
    const stage = creates(row) ? bareWorld : world
    for (const caller of strangers) {
      const { status } = await ask(stage, requestAbout(row, stage, stage.own, caller))
      expect(status).toBe(mayBe(caller) ? 404 : 403)
    }
  })

  test('patients and clients reach nobody but themselves', async () => {
    if (!access.self) return
    const stage = creates(row) ? bareWorld : world
    const neighbour: Caller = { kind: 'patient', organizationId: world.own['organization_id'] ?? '', id: 77 }
    const path = row.id === 'history.list' ? '/history/?recipient_type=PATIENT&recipient_id=12' : null
    const about = requestAbout(row, stage, stage.own, neighbour)
    const { status } = await ask(stage, path === null ? about : { ...about, path })
    expect(status).toBe(404)
  })
})

describe('patients and clients', () => {
  test('read and change their own preferences, and create them without naming themselves', async () => {
    const stage = await openWorld({ bare: true })
    const created = await ask(stage, {
      method: 'POST',
      path: '/preferences/patient/',
      body: { sms_enabled: false },
      caller: patient,
    })
    expect(created).toMatchObject({ status: 201, answer: { patient_id: 12, sms_enabled: false } })
    const path = '/preferences/patient/12'
    expect((await ask(stage, { method: 'PUT', path, body: { sms_enabled: null }, caller: patient })).status).toBe(200)
    expect(await ask(stage, { method: 'GET', path, caller: patient })).toMatchObject({ answer: { sms_enabled: null } })
    const other = await ask(stage, { method: 'POST', path: '/preferences/patient/', body: {}, caller: client })
    expect(other).toMatchObject({ status: 422, answer: { field: 'patient_id' } })
    await stage.stop()
  })

  test('see their own history only', async () => {
    const list = (caller: Caller) => ask(world, { method: 'GET', path: '/history/?delivery_state=all', caller })
    const own = await list(patient)
    expect(own.status).toBe(200)
    expect(own.text).toContain('"recipient_id":12')
    expect(own.text).not.toContain('"recipient_id":31')
    expect(own.text).not.toContain('"recipient_id":13')
    const staff = await list(admin)
    expect(staff.text).toContain('"recipient_id":31')
    expect(staff.text).not.toContain('"recipient_id":13')
    expect((await list(service)).text).toContain('"recipient_id":13')
  })
})

describe('callbacks', () => {
  const callbacks = rows.filter((row) => row.access.kind === 'token')

  test.each(callbacks)('$id: only the token signed for it opens it', async (row) => {
    const valid = validRequest(row, world.own, world, null)
    const [path = ''] = valid.path.split('?')
    const token = tokenFor(row, world.own, world)
    const others = callbacks.filter((one) => one.id !== row.id).map((one) => tokenFor(one, world.own, world))
    const flipped = token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
    const forged = ['', 'x', token.slice(0, -1), `${token}A`, flipped, tokenFor(row, world.foreign, world), ...others]
    for (const wrong of forged) {
      const { status, answer } = await ask(world, { ...valid, path: `${path}?token=${wrong}` })
      expect([wrong, status, answer]).toEqual([wrong, 401, expect.objectContaining({ code: 'token_invalid' })])
    }
    expect((await ask(world, { ...valid, path, caller: service })).status).toBe(401)
    expect((await ask(world, valid)).status).toBe(200)
    expect((await ask(world, valid)).status).toBe(200)
    const missing = await ask(world, validRequest(row, missingIds, world, null))
    expect(missing.status).toBe(404)
  })

  test('a token expires seven days after the time it is for', async () => {
    const stage = await openWorld()
    const [row] = callbacks
    if (row === undefined) throw new Error('no callback row')
    const request = validRequest(row, stage.own, stage, null)
    await stage.clock.advanceTo('2024-09-27T12:00:00Z')
    expect((await ask(stage, request)).status).toBe(200)
    await stage.clock.advanceTo('2024-09-27T12:00:01Z')
    expect(await ask(stage, request)).toMatchObject({ status: 401, answer: { detail: 'The token has expired.' } })
    await stage.stop()
  })
})

describe('authenticate', () => {
  test('without it everything but health and callbacks is 401', async () => {
    const stage = await openWorld({ authenticate: () => null })
    for (const row of forMembers) {
      expect((await ask(stage, requestAbout(row, stage, stage.own, service))).status).toBe(401)
    }
    expect(await ask(stage, { method: 'GET', path: '/health', caller: null })).toMatchObject({
      status: 200,
      answer: { status: 'ok' },
    })
    await stage.stop()
  })

  test('one that never answers keeps nobody waiting for ever: 503 after ten seconds', async () => {
    const stage = await openWorld({ authenticate: () => new Promise(() => {}) })
    const answer = ask(stage, { method: 'GET', path: '/statistics', caller: service })
    await stage.clock.advance(10_000)
    expect(await answer).toMatchObject({ status: 503, answer: { code: 'host_timeout' } })
    expect(stage.log.lines.join()).toContain('host_timeout')
    await stage.stop()
  })

  test('health shows details to a service and to staff, and the status to everybody', async () => {
    const health = (caller: Caller | null) => ask(world, { method: 'GET', path: '/health', caller })
    for (const caller of [null, patient, client]) expect((await health(caller)).answer).toEqual({ status: 'ok' })
    for (const caller of [admin, viewer, otherAdmin]) {
      expect((await health(caller)).answer).toMatchObject({ storage: { status: 'ok' }, scheduler: { lag_ms: null } })
    }
    expect((await health(service)).answer).toMatchObject({ storage: { status: 'ok' }, scheduler: { lag_ms: 0 } })
  })

  test('trustEveryCaller says in the log that it is in use', async () => {
    const stage = await openWorld({ authenticate: trustEveryCaller() })
    expect((await ask(stage, { method: 'GET', path: '/statistics', caller: null })).status).toBe(200)
    expect(stage.log.lines[0]).toContain('trustEveryCaller() is in use')
    await stage.stop()
  })
})
