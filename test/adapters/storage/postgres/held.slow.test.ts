/** What somebody holds for long, a transaction of the host or a worker that stands still, delays itself alone. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { keysOf } from '../../../../adapters/storage/postgres/locks.ts'
import type { DeliveryRow } from '../../../../src/index.ts'
import type { Store } from '../../../../src/records/store.ts'
import { minutes, t0 } from '../../../conformance/storage/harness.ts'
import {
  about,
  claimOne,
  commit,
  deliveryWork,
  guard,
  newDelivery,
  newReminder,
  nextPlan,
  noPreferences,
  noSettings,
  organizationId,
  planCommand,
  planOne,
  planRow,
  queue,
  reminderWork,
  sendIntent,
  settleCommand,
} from '../../../conformance/storage/rows.ts'
import { ada, openClinic } from '../../../support/clinic.ts'
import { openPostgres, type PostgresServer } from '../../../support/postgres-server.ts'
import { postgres } from '../../../support/stores.ts'
import type { Claim } from './claiming-process.ts'
import { behindProxy, committing, freshSchema, holding, onServer, waiting, waitsLong } from './fixture.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await openPostgres()
})
afterAll(() => server.stop())
const migrated = onServer(() => server)

/** Less than what anybody waits for who waits, and than what ends a transaction that stands still. */
const soonMs = 2000
async function soon<T>(work: Promise<T>): Promise<T> {
  const began = performance.now()
  const value = await work
  expect(performance.now() - began).toBeLessThan(soonMs)
  return value
}

const recipientOf = (appointmentId: number) => ({ type: 'PATIENT', id: appointmentId }) as const
const planned = (storage: Store, appointmentId: number) =>
  planOne(storage, {
    plan: planRow({ appointmentId, recipients: [recipientOf(appointmentId)] }),
    reminders: [newReminder({ recipient: recipientOf(appointmentId) })],
  })

const intentOf = (id: number, appointmentId: number, revisions = { settings: 0, preferences: 0 }) =>
  sendIntent(reminderWork(id), {
    guard: guard({
      plan: { organizationId, appointmentId, revision: 1 },
      settings: { organizationId, revision: revisions.settings },
      preferences: [{ recipient: recipientOf(appointmentId), revision: revisions.preferences }],
    }),
  })

const statuses = (outcomes: readonly { readonly status: string }[]) => outcomes.map(({ status }) => status)

/** One that waits for what others have as long as it takes. */
function patientStorage(schema: string): Store {
  const storage = postgres({ url: server.url, schema, lockTimeoutMs: 60_000, commandTimeoutMs: 60_000 })
  onTestFinished(() => storage.close())
  return storage
}

type Table = (name: string) => string

/** Has whoever decides on what is so described stand still before the decision is written, with all locks, until told; nobody waits for another that does. */
async function stall(pool: pg.Pool, table: Table, condition: string): Promise<() => Promise<void>> {
  const decisions = table('notification_decisions')
  const name = decisions.replace('notification_decisions', 'stand_still')
  await pool.query(`create function ${name}() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(${stallKey}); return new; end $$;
    create trigger stand_still before insert on ${decisions} for each row when (${condition}) execute function ${name}()`)
  return holding(pool, `select pg_advisory_xact_lock(${stallKey})`)
}
const stallKey = 4711

/** A transaction of the host, ended after the test unless the test ends it. */
async function hostTransaction(pool: pg.Pool, storage: Store) {
  const client = await pool.connect()
  await client.query('begin')
  let isOver = false
  const end = async (how: 'commit' | 'rollback') => {
    if (isOver) return
    isOver = true
    await client.query(how)
    client.release()
  }
  onTestFinished(() => end('rollback'))
  const inside = storage.within?.(client)
  if (inside === undefined) throw new Error('the storage takes no transactions')
  return { client, inside, end }
}

describe('postgres, claims beside a row that somebody holds', () => {
  const rows = {
    'its reminder': 'appointment_reminders where appointment_id = 1',
    'its plan': 'reminder_plans where appointment_id = 1',
    'its preferences': 'patient_notification_preferences where patient_id = 1',
  }
  for (const [what, of] of Object.entries(rows)) {
    it(`leaves the one, and takes the others: ${what}`, async () => {
      const { storage, pool, table } = await migrated()
      const ids = [await planned(storage, 1), await planned(storage, 2), await planned(storage, 3)]
      await storage.preferences.create(organizationId, recipientOf(1), noPreferences, null, t0)
      const [name = '', ...rest] = of.split(' ')
      const release = await holding(pool, `select 1 from ${table(name)} ${rest.join(' ')} for update`)
      const claim = () =>
        storage.deliveries.commitIntents(
          ids.map((id, index) => intentOf(id, index + 1, { settings: 0, preferences: index === 0 ? 1 : 0 })),
          t0,
        )
      expect(statuses(await soon(claim()))).toEqual(['held', 'committed', 'committed'])
      await release()
      expect(statuses(await claim())).toEqual(['committed', 'lost', 'lost'])
    })
  }

  it('never takes what is held for what is not there', async () => {
    const { storage, pool, table } = await migrated()
    const id = await planned(storage, 1)
    // Made after the decision, and just being changed.
    await storage.preferences.create(organizationId, recipientOf(1), noPreferences, null, t0)
    await storage.settings.create(organizationId, noSettings, null, t0)
    for (const name of ['patient_notification_preferences', 'notification_settings']) {
      const release = await holding(pool, `select 1 from ${table(name)} for update`)
      const settings = name === 'notification_settings' ? 0 : 1
      const [outcome] = await soon(
        storage.deliveries.commitIntents([intentOf(id, 1, { settings, preferences: settings })], t0),
      )
      expect(outcome).toEqual({ status: 'held' })
      await release()
    }
    const [notice] = await queue(storage, [newDelivery({ appointmentId: 1 })])
    const release = await holding(pool, `select 1 from ${table('reminder_plans')} for update`)
    const withoutPlan = sendIntent(deliveryWork(notice ?? { id: 0, fence: 0 }), {
      guard: guard({
        plan: { organizationId, appointmentId: 1, revision: 0 },
        settings: { organizationId, revision: 1 },
        preferences: [],
      }),
    })
    expect(statuses(await soon(storage.deliveries.commitIntents([withoutPlan], t0)))).toEqual(['held'])
    await release()
    expect(statuses(await storage.deliveries.commitIntents([withoutPlan], t0))).toEqual(['lost'])
  })

  it('leaves a delivery whose reminder is held, also where it only withdraws it', async () => {
    const { storage, pool, table } = await migrated()
    const held = await claimOne(storage)
    const retry = { kind: 'retry', dueAt: t0, code: 'c', message: 'm', countAttempt: true, unknown: false } as const
    await storage.deliveries.settle([settleCommand(held, retry)])
    const release = await holding(pool, `select 1 from ${table('appointment_reminders')} for update`)
    const decision = { organizationId, appointmentId: 100, waitlistEntryId: null, entries: [] }
    const cancel = { kind: 'cancel', work: deliveryWork(held), decision, rule: 'no_contact' } as const
    expect(statuses(await soon(storage.deliveries.commitIntents([cancel], t0)))).toEqual(['held'])
    await release()
    expect(await storage.deliveries.get(held.id)).toMatchObject({ state: 'queued' })
    expect(statuses(await storage.deliveries.commitIntents([cancel], t0))).toEqual(['committed'])
    expect(await storage.reminders.get(held.reminderId ?? 0)).toMatchObject({ status: 'CANCELLED' })
  })

  it('takes no delivery whose reminder it leaves, so that of two who want both one gets them', async () => {
    const { storage, pool, schema, table } = await migrated()
    const left = await claimOne(storage)
    const other = await planned(storage, 2)
    const release = await holding(
      pool,
      `select 1 from ${table('appointment_reminders')} where id = ${left.reminderId} for update`,
    )
    const goOn = await stall(pool, table, 'true')
    const claim = patientStorage(schema).deliveries.commitIntents(
      [sendIntent(deliveryWork(left)), intentOf(other, 2)],
      t0,
    )
    await waiting(pool)
    const take = `select id::int from ${table('notification_history')} where id = ${left.id} for update skip locked`
    expect((await pool.query(take)).rows).toEqual([{ id: left.id }])
    await goOn()
    expect(statuses(await claim)).toEqual(['held', 'committed'])
    await release()
  })

  it('serves other organizations while a worker stands still that took its turn at the cap of one', async () => {
    const { storage, pool, schema, table } = await migrated()
    const intents = await Promise.all(
      ['a', 'a', 'b'].map(async (organization) => {
        const about = { organizationId: organization, appointmentId: null, waitlistEntryId: null, entries: [] }
        const made = newDelivery({ ...about, category: 'WAITLIST' })
        const [row] = await storage.deliveries.enqueue([made], about, t0)
        const entries = [{ action: 'send', rule: 'allowed', category: 'WAITLIST' }] as const
        const settings = { organizationId: organization, revision: 0 }
        return sendIntent(deliveryWork(row ?? { id: 0, fence: 0 }), {
          cap: 10,
          guard: guard({ plan: null, settings, preferences: [] }),
          decision: { ...about, entries },
        })
      }),
    )
    const [first, ...others] = intents
    if (first === undefined) throw new Error('expected an intent')
    const goOn = await stall(pool, table, `new.organization_id = 'a'`)
    const still = patientStorage(schema).deliveries.commitIntents([first], t0)
    await waiting(pool)
    expect(statuses(await soon(storage.deliveries.commitIntents(others, t0)))).toEqual(['held', 'committed'])
    await goOn()
    expect(statuses(await still)).toEqual(['committed'])
    // The one of before is known again by its fence, and is nobody else's.
    const again = await storage.deliveries.commitIntents(others, t0)
    expect(again).toMatchObject([{ status: 'committed' }, { status: 'committed', delivery: { attempts: 1 } }])
    const rivals = others.map((other) => ({ ...other, fence: other.fence + 1 }))
    expect(statuses(await storage.deliveries.commitIntents(rivals, t0))).toEqual(['lost', 'lost'])
  })

  it('waits for a claim of its own whose COMMIT had no answer, and finds what it made', async () => {
    const { storage, pool, schema, table } = await migrated()
    const { proxy, url } = await behindProxy(server)
    const worker = postgres({ url, schema, lockTimeoutMs: 50 })
    onTestFinished(() => worker.close())
    const id = await planned(storage, 1)
    await worker.ping()
    const quoted = `"${schema.replaceAll('"', '""')}"`
    await pool.query(`create function ${quoted}.late() returns trigger language plpgsql as
        $$ begin perform pg_sleep(1); return null; end $$;
      create constraint trigger late after insert on ${table('notification_history')} deferrable initially deferred
        for each row execute function ${quoted}.late()`)
    const intent = intentOf(id, 1)
    const first = worker.deliveries.commitIntents([intent], t0).catch((error: unknown) => error)
    await committing(pool)
    proxy.reset()
    expect(await first).toMatchObject({ code: 'storage_failed' })
    expect(await worker.deliveries.commitIntents([intent], t0)).toMatchObject([
      { status: 'committed', delivery: { idempotencyKey: intent.idempotencyKey, fence: intent.fence, attempts: 1 } },
    ])
  })

  it('lets others go on at once, and have its rows soon, when a worker is stopped in the middle of a claim', async () => {
    const { storage, pool, schema, table } = await migrated()
    const ids = await Promise.all([1, 2, 3, 4].map((appointmentId) => planned(storage, appointmentId)))
    const works = ids.map((id, index) => ({ id, appointmentId: index + 1 }))
    const goOn = await stall(pool, table, 'true')
    const worker = fork(fileURLToPath(new URL('claiming-process.ts', import.meta.url)), [])
    onTestFinished(() => void worker.kill('SIGKILL'))
    await once(worker, 'message')
    const claim: Claim = { url: server.url, schema, works: works.slice(0, 2) }
    worker.send(claim)
    await waiting(pool)
    worker.kill('SIGSTOP')
    await goOn()
    const all = () =>
      storage.deliveries.commitIntents(
        works.map(({ id, appointmentId }) => intentOf(id, appointmentId)),
        t0,
      )
    expect(statuses(await soon(all()))).toEqual(['held', 'held', 'committed', 'committed'])
    await expect
      .poll(async () => statuses(await all()), { timeout: 15_000 })
      .toEqual(['committed', 'committed', 'lost', 'lost'])
    worker.kill('SIGCONT')
    // Its transaction was ended by the server; it tried anew, and lost.
    expect(await once(worker, 'message')).toEqual([['lost', 'lost'], undefined])
  })

  it('sends what is due behind a page of rows that the host has', async () => {
    const schema = freshSchema()
    const { deliveries, ...others } = postgres({ url: server.url, schema })
    let tried = 0
    const commitIntents: typeof deliveries.commitIntents = (commands, now) => {
      tried += commands.length
      return deliveries.commitIntents(commands, now)
    }
    const storage = { ...others, deliveries: { ...deliveries, commitIntents } }
    const clinic = await openClinic('2026-03-02T09:00:00.000Z', { storage })
    onTestFinished(async () => {
      const stopped = clinic.stop()
      await clinic.clock.advance(60_000)
      await stopped
    })
    const count = 620
    const ids = Array.from({ length: count }, (_, index) => index + 1)
    for (const id of ids) {
      // Earlier ones are due earlier: those that the host has fill the first page, and more.
      const startsAt = new Date(Date.UTC(2026, 2, 5, 14) + id)
      clinic.host.book({
        id,
        startsAt,
        recipients: [{ type: 'PATIENT', id, name: 'Ada', email: `p${id}@example.org` }],
      })
    }
    await clinic.notifications.scheduleMany(ids)
    const pool = new pg.Pool({ connectionString: server.url })
    pool.on('error', () => {})
    onTestFinished(() => pool.end())
    const reminders = `"${schema.replaceAll('"', '""')}".appointment_reminders`
    const release = await holding(pool, `select 1 from ${reminders} where appointment_id <= 600 for update`)
    await clinic.start()
    await clinic.clock.advanceTo('2026-03-04T14:05:00.000Z')
    const sent = async () => {
      await clinic.clock.advance(1000)
      return new Set(clinic.outbox.sent.map(({ to }) => to)).size
    }
    await expect.poll(sent, { timeout: 15_000 }).toBe(20)
    // The rest is left alone for a while, also where something else wakes whoever sends: tried once at this time, and no more.
    const notices = async (id: number) => {
      const recipients = [{ ...ada, id, email: `notice${id}@example.org`, phone: undefined }]
      clinic.host.book({ id, startsAt: new Date('2026-03-06T14:00Z'), recipients })
      await clinic.notifications.appointmentBooked(id)
      await expect.poll(() => clinic.sentTo().at(-1)).toBe(`EMAIL notice${id}@example.org`)
      await wait(300)
    }
    await notices(1000)
    const before = tried
    await notices(1001)
    expect(tried - before).toBeLessThan(20)
    await release()
    await expect.poll(sent, { timeout: 25_000 }).toBe(count + 2)
  })
})

describe('postgres, what else comes in batches', () => {
  /** Three that are being sent, of appointments 1 to 3. */
  async function sending(storage: Store): Promise<DeliveryRow[]> {
    const ids = [await planned(storage, 1), await planned(storage, 2), await planned(storage, 3)]
    const outcomes = await storage.deliveries.commitIntents(
      ids.map((id, index) => intentOf(id, index + 1)),
      t0,
    )
    return outcomes.flatMap((outcome) => ('delivery' in outcome ? (outcome.delivery ?? []) : []))
  }

  it.each([
    ['delivery', 'notification_history'],
    ['reminder', 'appointment_reminders'],
  ])('settles the others where one %s is held, and that one later', async (_, name) => {
    const { storage, pool, table } = await migrated()
    const rows = await sending(storage)
    const release = await holding(pool, `select 1 from ${table(name)} where appointment_id = 2 for update`)
    const commands = rows.map((row) => settleCommand(row))
    expect(await soon(storage.deliveries.settle(commands))).toEqual([true, 'held', true])
    await release()
    // Those that are settled have the same answer again, and are counted once.
    expect(await storage.deliveries.settle(commands)).toEqual([true, true, true])
    expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count: 3 }])
  })

  it.each(['notification_history', 'appointment_reminders'])(
    'settles nothing of a message while a row of what went along is held: %s',
    async (name) => {
      const { storage, pool, table } = await migrated()
      const [lead, along, other] = await sending(storage)
      if (lead === undefined || along === undefined || other === undefined) throw new Error('expected rows')
      const release = await holding(pool, `select 1 from ${table(name)} where appointment_id = 2 for update`)
      const commands = [settleCommand(lead, undefined, { along: [settleCommand(along)] }), settleCommand(other)]
      expect(await soon(storage.deliveries.settle(commands))).toEqual(['held', true])
      expect(await storage.deliveries.get(lead.id)).toMatchObject({ state: 'sending' })
      await release()
      expect(await storage.deliveries.settle(commands)).toEqual([[true, true], true])
      expect(await storage.statistics.countsByDay({})).toMatchObject([{ measure: 'SENT', count: 3 }])
    },
  )

  it('waits in a settle for who has a row only for a moment, and knows what is over', async () => {
    const { storage, pool, table } = await migrated(waitsLong)
    const [first, second] = await sending(storage)
    if (first === undefined || second === undefined) throw new Error('expected rows')
    const release = await holding(pool, `select 1 from ${table('notification_history')} for update`)
    const unknown = { ...second, fence: second.fence + 1 }
    const settled = storage.deliveries.settle([settleCommand(first), settleCommand(unknown)])
    await waiting(pool)
    await release()
    expect(await settled).toEqual([true, false])
    expect(await storage.deliveries.settle([settleCommand({ id: 987_654, fence: 1 })])).toEqual([false])
  })

  it('renews the leases of the others, and says of a held one to ask again', async () => {
    const { storage, pool, table } = await migrated()
    const rows = await sending(storage)
    const release = await holding(
      pool,
      `select 1 from ${table('notification_history')} where appointment_id = 2 for update`,
    )
    const renewals = rows.map(({ id, fence }) => ({ id, fence, leaseUntil: minutes(5), at: minutes(1) }))
    await expect(soon(storage.deliveries.renew(renewals))).rejects.toMatchObject({ code: 'storage_busy' })
    await release()
    const until = async () => Promise.all(rows.map(async ({ id }) => (await storage.deliveries.get(id))?.dueAt))
    expect(await until()).toEqual([minutes(5), minutes(2), minutes(5)])
    expect(await storage.deliveries.renew(renewals)).toEqual([true, true, true])
    expect(await until()).toEqual([minutes(5), minutes(5), minutes(5)])
  })

  it('releases the others that wait for an account, and keeps a held one on the list', async () => {
    const { storage, pool, table } = await migrated()
    const [ids, account] = [[await planned(storage, 1), await planned(storage, 2)], 'smtp:1f3a']
    for (const id of ids) {
      const deferred = { kind: 'defer', until: minutes(90), waitingFor: [account], decision: about() } as const
      await commit(storage, { ...deferred, work: reminderWork(id) })
    }
    const release = await holding(
      pool,
      `select 1 from ${table('appointment_reminders')} where appointment_id = 1 for update`,
    )
    expect(await soon(storage.accounts.release({ account, limit: 9, at: minutes(5) }))).toBe(1)
    await release()
    expect(await storage.accounts.release({ account, limit: 9, at: minutes(6) })).toBe(1)
    const due = await Promise.all(ids.map(async (id) => (await storage.reminders.get(id))?.dueAt))
    expect(due).toEqual([minutes(6), minutes(5)])
  })

  it('plans and cancels the others where one is held, also one that is being made, and waits for one alone', async () => {
    const { storage, pool } = await migrated()
    await planned(storage, 1)
    await planned(storage, 2)
    const host = await hostTransaction(pool, storage)
    const move = (appointmentId: number) => nextPlan(1, { plan: planRow({ appointmentId, revision: 2 }) })
    const make = (appointmentId: number) => planCommand({ plan: planRow({ appointmentId }) })
    await host.inside.plans.apply([move(1), make(3)])
    const batch = [move(1), move(2), make(3), ...Array.from({ length: 40 }, (_, index) => make(10 + index))]
    const outcomes = statuses(await soon(storage.plans.apply(batch)))
    expect(outcomes).toEqual(['held', 'applied', 'held', ...Array(40).fill('applied')])
    const alone = storage.plans.apply([move(1)])
    await waiting(pool)
    await host.end('commit')
    expect(await alone).toEqual([{ status: 'conflict' }])
  })
})

describe('postgres, beside a long transaction of the host', () => {
  it('everything goes on that has other rows: plans, claims, settles, notices and preferences', async () => {
    const { storage, another, pool, schema } = await migrated()
    const [first, second] = [await planned(storage, 1), await planned(storage, 2)]
    const host = await hostTransaction(pool, storage)
    const booking = (appointmentId: number) =>
      planCommand({
        plan: planRow({ appointmentId, recipients: [recipientOf(appointmentId)] }),
        reminders: [newReminder({ recipient: recipientOf(appointmentId) })],
        guard: {
          settings: { organizationId, revision: 0 },
          preferences: [{ recipient: recipientOf(appointmentId), revision: 0 }],
        },
        notifications: [
          newDelivery({ appointmentId, recipient: recipientOf(appointmentId), dedupeKey: `booked ${appointmentId}` }),
        ],
      })
    const cancelled = nextPlan(1, {
      plan: planRow({ appointmentId: 1, status: 'cancelled', revision: 2 }),
      reminders: [],
    })
    expect(statuses(await host.inside.plans.apply([booking(100), cancelled]))).toEqual(['applied', 'applied'])

    const other = await another()
    expect(
      statuses(await soon(other.plans.apply(Array.from({ length: 30 }, (_, index) => booking(200 + index))))),
    ).toEqual(Array(30).fill('applied'))
    const claims = await soon(storage.deliveries.commitIntents([intentOf(first, 1), intentOf(second, 2)], t0))
    expect(statuses(claims)).toEqual(['held', 'committed'])
    const delivery = claims[1] !== undefined && 'delivery' in claims[1] ? claims[1].delivery : null
    expect(await soon(other.deliveries.settle([settleCommand(delivery ?? { id: 0, fence: 0 })]))).toEqual([true])
    // Of an appointment that nobody planned, and so of none that is just being planned.
    const [notice] = await queue(storage, [newDelivery({ appointmentId: 300 })])
    const unplanned = sendIntent(deliveryWork(notice ?? { id: 0, fence: 0 }), {
      guard: guard({ plan: { organizationId, appointmentId: 300, revision: 0 }, preferences: [] }),
      cap: 100,
    })
    expect(statuses(await soon(storage.deliveries.commitIntents([unplanned], t0)))).toEqual(['committed'])
    // Of somebody else, who shares a place among the locks that short transactions take.
    const placeOf = (id: number) => keysOf(schema, 'preferences', ['PATIENT', id])[1]
    const neighbour = Array.from({ length: 10_000 }, (_, index) => 1000 + index).find(
      (id) => placeOf(id) === placeOf(100),
    )
    const made = other.preferences.create(organizationId, recipientOf(neighbour ?? 0), noPreferences, null, t0)
    expect(await soon(made)).not.toBeNull()
    await host.end('commit')
    // Both the host's transaction and the others are counted.
    const counts = await storage.statistics.counts({ organizationId })
    const ofReminders = counts.filter(({ measure, category }) => measure === 'PLANNED' && category === 'REMINDER')
    expect(ofReminders).toMatchObject([{ channel: 'EMAIL', detail: '', count: 2 + 1 + 30 }])
    expect(counts.filter(({ measure }) => measure === 'WITHDRAWN')).toMatchObject([{ detail: 'replanned', count: 1 }])
  })

  it('counts several of the host at once, each apart, in few rows', async () => {
    const { storage, pool, table } = await migrated()
    for (let round = 0; round < 3; round += 1) {
      const hosts = await Promise.all(Array.from({ length: 4 }, () => hostTransaction(pool, storage)))
      await soon(
        Promise.all(
          hosts.map((host, index) =>
            host.inside.plans.apply([planCommand({ plan: planRow({ appointmentId: round * 10 + index }) })]),
          ),
        ),
      )
      for (const host of hosts) await host.end(round === 2 ? 'rollback' : 'commit')
    }
    expect(await storage.statistics.counts({})).toMatchObject([{ measure: 'PLANNED', detail: '', count: 8 }])
    const { rows } = await pool.query(`select 1 from ${table('notification_counters')}`)
    expect(rows).toHaveLength(4)
  })
})
