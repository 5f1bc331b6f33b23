/**
 * For tests of your application: the library on SQLite in memory, with a clock that your test drives and an outbox in place of
 * providers. Needs `better-sqlite3` and `kysely`, and no particular test runner.
 * @example
 * const t = await createTestNotifications({
 *   now: '2026-03-27T09:00',
 *   timeZone: 'Europe/Berlin',
 *   recipients: { ada: {} },
 *   appointments: [{ id: 1, startsAt: '2026-03-30T10:00' }],
 * })
 * await t.advanceTo('2026-03-29T10:00')
 * expect(t.outbox.to('ada').last().text).toContain('10:00')
 */
import { randomBytes } from 'node:crypto'
import type {
  Clock,
  DeliveryReceipt,
  Directory,
  Notifications,
  NotificationsOptions,
  OrganizationSettingsInput,
} from '../../src/index.ts'
import { createNotifications } from '../../src/notifications.ts'
import { silentLogger } from '../../src/ports/logger.ts'
import { sqlite } from '../storage/sqlite.ts'
import { DrivenClock } from './kit/driven-clock.ts'
import { type Messages, noAnswer, Outbox, type SentMessage } from './kit/outbox.ts'
import { organizationId, type TestAppointment, TestDirectory, type TestPerson } from './kit/people.ts'
import { type Point, TestProcess } from './kit/process.ts'
import { assertTurning, UnderWay } from './kit/rest.ts'
import { readDuration, readTime } from './kit/time.ts'

export { testAddresses } from './kit/outbox.ts'
export type { Messages, Outbox, SentMessage, TestAppointment, TestDirectory, TestPerson }

type Given = Partial<Omit<NotificationsOptions, 'storage' | 'transports' | 'clock' | 'directory'>>

/** Options of `createTestNotifications()`; further ones as of `createNotifications()`. */
export type TestOptions = Given & {
  /**
   * When the test begins: a `Date`, ISO 8601 text with an offset, or a local time of `timeZone`. Default `2026-01-05T09:00`,
   * a Monday.
   */
  readonly now?: Date | string
  /** IANA zone of appointments that name none, and of times without an offset. Default `UTC`. */
  readonly timeZone?: string
  /** People, by names of your choice: `{ ada: {}, bob: { phone: '+14155550123' } }`. */
  readonly recipients?: Readonly<Record<string, TestPerson>>
  /** Their appointments. They are planned at once, without a confirmation. */
  readonly appointments?: readonly TestAppointment[]
  /** Settings of the organization, `test-clinic`. Default: the documented defaults. */
  readonly settings?: OrganizationSettingsInput
  /** Your own directory, in place of `recipients` and `appointments`. `outbox.to()` then takes addresses instead of names. */
  readonly directory?: Directory
}

/** What `createNotifications()` returns, and what drives the test. */
export type TestNotifications = Notifications & {
  /** The messages that were sent. */
  readonly outbox: Outbox
  /** The people and appointments of the test. Change them as your application would. */
  readonly data: TestDirectory
  /** The present time of the test. */
  now(): Date
  /**
   * Moves the time to this instant, or local time of the test's zone, and runs whatever is due on the way, each at its own
   * time.
   * @throws Error: the time is past or cannot be read, or something does not respond within 10 s of real time.
   */
  advanceTo(when: Date | string): Promise<void>
  /** Moves the time by milliseconds, or by `30s`, `5m`, `2h` or `3d` (of 24 hours). */
  advanceBy(time: number | string): Promise<void>
  /**
   * Waits until all work in progress has ended, without moving the time.
   * @throws Error naming what does not respond within 10 s of real time.
   */
  idle(): Promise<void>
  /**
   * Replies to the last SMS or WhatsApp message, or to `of`, as its recipient: `reply('C')`. Resolves with the library's
   * automatic reply; null: none.
   * @throws Error for an e-mail: replies to these go to the clinic.
   */
  reply(text: string, options?: { readonly of?: SentMessage | undefined }): Promise<string | null>
  /** Reports an outcome of the last message, or of `of`, as a provider would. */
  receipt(outcome: DeliveryReceipt['outcome'], options?: ReceiptOptions): Promise<void>
  /**
   * Ends the process and starts another one on the same database. `now`: at once. `before_send`: when the next message is
   * about to be sent, after its intent is stored. `after_send`: when the provider has just accepted it. What the process was
   * sending is taken over when its lease ends, as the time moves on.
   */
  crash(when?: 'now' | Point): Promise<void>
  /** Stops the library: `await using t = await createTestNotifications()`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Details of a report, and the message it is about (`of`). Default: the last one sent. */
export type ReceiptOptions = Partial<Omit<DeliveryReceipt, 'outcome'>> & { readonly of?: SentMessage | undefined }

/**
 * Creates the library for a test: on SQLite in memory, with a clock that the test drives, an outbox in place of providers,
 * and the people and appointments given. It is started, and the appointments are planned.
 * @throws NotificationError as `createNotifications()` and the calls that plan; Error: a time cannot be read, or the timers
 * of Node were replaced before this module was loaded.
 */
export async function createTestNotifications(options: TestOptions = {}): Promise<TestNotifications> {
  const { now = '2026-01-05T09:00', timeZone = 'UTC', recipients = {}, appointments = [], settings, ...given } = options
  const { directory, ...further } = given
  await assertTurning()
  const instant = (when: Date | string): Date => readTime(when, timeZone)
  const underWay = new UnderWay()
  const clock = new DrivenClock(instant(now), () => underWay.rest())
  const data = new TestDirectory(timeZone, recipients)
  for (const appointment of appointments) data.setAppointment(appointment)
  const outbox = new Outbox({
    clock,
    addressesOf: (name) => addressesOf(directory === undefined ? data : null, name),
    report: (id, receipt) => process.library.recordReceipt(id, receipt),
  })
  const encryptionKey = randomBytes(32).toString('base64')
  const { default: Sqlite } = await import('better-sqlite3')
  const database = new Sqlite(':memory:')
  const embed = (own: Clock, reached: (at: Point) => Promise<void>, isAlive: () => boolean): Notifications =>
    createNotifications({
      encryptionKey,
      env: {},
      logger: silentLogger,
      random: () => 0.5,
      rateLimits: false,
      // Alarms do the work; a sweep every half minute would make days slow to walk through.
      sweepMs: 6 * 3_600_000,
      reconcileMs: false,
      ...further,
      storage: underWay.watch(sqlite({ database }), 'storage', isAlive),
      directory: underWay.watch(directory ?? data, 'directory', isAlive),
      transports: [outbox.transport(own, reached)],
      clock: own,
    })
  const process = new TestProcess(clock, embed)
  await process.library.migrate()
  if (settings !== undefined) await process.library.settings.createOrganizationSettings(organizationId, settings)
  await process.library.start()
  const planned = await process.library.notifications.scheduleMany(appointments.map(({ id }) => id))
  for (const one of planned) if ('error' in one) throw one.error
  await underWay.rest()

  /** One after another, as a test may call it that does not wait. */
  let moving: Promise<unknown> = Promise.resolve()
  const move = (targetOf: () => Date): Promise<void> => {
    const moved = moving.then(async () => {
      const target = targetOf()
      if (target < clock.now()) {
        throw new Error(`It is ${clock.now().toISOString()} already; ${target.toISOString()} is past.`)
      }
      await clock.advanceTo(target)
    })
    moving = moved.catch(() => {})
    return moved
  }
  return {
    ...process.forwarded(),
    outbox,
    data,
    now: () => clock.now(),
    advanceTo: (when: Date | string) => move(() => instant(when)),
    advanceBy: (time: number | string) => move(() => instant(new Date(clock.now().getTime() + readDuration(time)))),
    idle: () => underWay.rest(),
    async receipt(outcome: DeliveryReceipt['outcome'], { of = outbox.sent.last(), ...detail }: ReceiptOptions = {}) {
      await process.library.recordReceipt(of.notificationId, { outcome, ...detail })
      await underWay.rest()
    },
    async reply(text: string, { of = outbox.sent.lastWithReplies() }: { readonly of?: SentMessage | undefined } = {}) {
      outbox.answer(of, text)
      const readBody = async () => ({ kind: 'bytes', bytes: new Uint8Array() }) as const
      const path = `/webhooks/test/${of.channel.toLowerCase()}`
      const request = { method: 'POST', path, query: '', headers: {}, native: null, readBody }
      const { status, body } = await process.library.handle(request)
      await underWay.rest()
      if (status !== 200) throw new Error(`The reply was not read: ${body}`)
      return body === noAnswer ? null : body
    },
    async crash(when: 'now' | Point = 'now') {
      await process.crash(when)
      await underWay.rest()
    },
    async [Symbol.asyncDispose]() {
      await process.end()
      database.close()
    },
  }
}

function addressesOf(data: TestDirectory | null, name: string): readonly string[] {
  if (data === null || /[@+]/.test(name)) return [name]
  const { email, phone } = data.person(name)
  return [email ?? [], phone ?? []].flat()
}
