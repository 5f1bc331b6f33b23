import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import Sqlite from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../../../adapters/storage/sqlite.ts'
import { type OpenTelemetryLike, type Telemetry, telemetry } from '../../../adapters/telemetry/otel.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { type NotificationsOptions, type SendReceipt, TransportError } from '../../../src/index.ts'
import { ada, openClinic } from '../../support/clinic.ts'
import { migratedSqlite } from '../../support/migrated-sqlite.ts'

const { phone: _, ...byMail } = ada
const ids = { appointment: 'integer', recipient: 'integer', waitlistEntry: 'integer' } as const

/** One process of several, which measures for itself. */
async function openProcess(now: string, path: string, more: Partial<NotificationsOptions> = {}) {
  const exporter = new InMemorySpanExporter()
  const trace = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const otel = telemetry({ trace, metrics: new MeterProvider() })
  const outbox = capture()
  const options = { storage: sqlite(path), transports: otel.transports([outbox]), traceContext: otel.traceContext }
  const clinic = otel.watch(await openClinic(now, { ...options, ...more }))
  clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z', recipients: [byMail] })
  const spans = (name: string) => exporter.getFinishedSpans().filter((span) => span.name === name)
  return { clinic, outbox, spans }
}

const idsOf = (context: { traceId: string; spanId: string } | undefined) => [context?.traceId, context?.spanId]

it('links plan, send and receipt that three processes made, through the rows', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'traces-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'rows.sqlite')
  const web = await openProcess('2026-03-01T09:00:00Z', path)
  await web.clinic.notifications.scheduleReminders(1)
  // What is planned already is planned by the span that did it first.
  await web.clinic.notifications.scheduleReminders(1)
  await web.clinic[Symbol.asyncDispose]()
  const worker = await openProcess('2026-03-02T09:59:00Z', path)
  await worker.clinic.start()
  await worker.clinic.clock.advanceTo('2026-03-02T10:00:30Z')
  const [message] = worker.outbox.sent
  if (message === undefined) throw new Error('Nothing was sent.')
  await worker.clinic[Symbol.asyncDispose]()
  const other = await openProcess('2026-03-02T10:02:00Z', path)
  await other.clinic.recordReceipt(message.notificationId, { outcome: 'delivered' })
  await other.clinic[Symbol.asyncDispose]()

  const plans = web.spans('plan EMAIL')
  expect(plans).toHaveLength(2)
  const plan = plans.find(({ attributes }) => attributes['notifications.reminder.id'] === message.reminderId)
  const [send] = worker.spans('send EMAIL')
  const [receipt] = other.spans('receipt EMAIL')
  expect(send?.links.map(({ context }) => idsOf(context))).toEqual([idsOf(plan?.spanContext())])
  expect(receipt?.links.map(({ context }) => idsOf(context))).toEqual([idsOf(send?.spanContext())])
})

it('ends every span that it begins, and keeps none that is not sampled', async () => {
  const began: string[] = []
  const ended: string[] = []
  const counting = {
    onStart: ({ name }: ReadableSpan) => void began.push(name),
    onEnd: ({ name }: ReadableSpan) => void ended.push(name),
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  const planned = async (sampler: AlwaysOnSampler) => {
    const otel = telemetry({
      trace: new TracerProvider({ sampler, spanProcessors: [counting] }),
      metrics: new MeterProvider(),
    })
    await using clinic = await openClinic('2026-03-01T09:00:00Z', { traceContext: otel.traceContext })
    otel.watch(clinic)
    const heard: unknown[] = []
    clinic.events.on('reminder.scheduled', ({ traceContext }) => void heard.push(traceContext))
    clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z', recipients: [byMail] })
    await clinic.notifications.scheduleReminders(1)
    // Two of them stay.
    await clinic.notifications.scheduleReminders(1, { customReminders: [24, 2, 1] })
    await clinic.notifications.plan(1)
    return heard
  }
  const kept = await planned(new AlwaysOnSampler())
  expect(kept).toEqual([1, 2, 3].map(() => expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)))
  expect([began, ended]).toEqual([kept.map(() => 'plan EMAIL'), began])
  expect(await planned(new AlwaysOffSampler())).toEqual([undefined, undefined, undefined])
})

/** Two days of a clinic: what becomes of its messages, and the statements that it takes. */
async function twoDays(otel: Telemetry | null = null) {
  const statements: string[] = []
  const verbose = (sql: unknown) => void statements.push(String(sql).slice(0, 40))
  const database = new Sqlite(await migratedSqlite(ids), { verbose })
  const refused = new TransportError('No.', { outcome: 'permanent', code: 'capture_refused' })
  const outbox = capture({ fail: ({ category }) => (category === 'CANCELLATION' ? refused : null) })
  await using clinic = await openClinic('2026-03-01T09:00:00Z', {
    storage: sqlite({ database }),
    transports: otel?.transports([outbox]) ?? [outbox],
    traceContext: otel?.traceContext,
  })
  otel?.watch(clinic)
  clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z', recipients: [byMail] })
  await clinic.start()
  await clinic.notifications.appointmentBooked(1)
  await clinic.clock.advanceTo('2026-03-02T10:00:30Z')
  const [reminder] = outbox.sent.filter(({ category }) => category === 'REMINDER')
  if (reminder !== undefined) await clinic.recordReceipt(reminder.notificationId, { outcome: 'delivered' })
  clinic.host.change(1, { status: 'cancelled' })
  await clinic.notifications.appointmentCancelled(1)
  await clinic.clock.advance(60_000)
  // How often the file is looked at depends on real time.
  const taken = statements.filter((sql) => !sql.startsWith('PRAGMA'))
  const { notifications } = await clinic.notifications.history({ state: 'all' })
  const stopped = clinic.stop()
  await clinic.clock.advance(12_000)
  await stopped
  return { rows: notifications.map(({ category, status }) => `${category} ${status}`), statements: taken }
}

const asItIs = ['CANCELLATION FAILED', 'REMINDER DELIVERED', 'CONFIRMATION SENT']

/** An API that notes what it is asked, and throws there. */
function api(broken: string | null = null) {
  const calls = new Set<string>()
  const at = (name: string) => {
    calls.add(name)
    if (name === broken) throw new Error(`${name} is broken.`)
  }
  const span = {
    spanContext() {
      at('spanContext')
      return { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }
    },
    setAttributes: () => at('setAttributes'),
    setStatus: () => at('setStatus'),
    end: () => at('end'),
  }
  const instrument = { add: () => at('add'), record: () => at('record') }
  const given: OpenTelemetryLike = {
    trace: {
      getTracer: () => ({
        startSpan() {
          at('startSpan')
          return span
        },
        startActiveSpan(_, __, run) {
          at('startActiveSpan')
          const result = run(span)
          at('startActiveSpan, at its end')
          return result
        },
      }),
    },
    metrics: {
      getMeter: () => ({
        createCounter: () => instrument,
        createHistogram: () => instrument,
        createObservableGauge: () => ({}),
        addBatchObservableCallback: () => {},
        removeBatchObservableCallback: () => at('removeBatchObservableCallback'),
      }),
    },
  }
  return { given, calls }
}

it('takes no statement more, and asks nothing of the API where it is not used', async () => {
  const { given, calls } = api()
  const otel = telemetry(given)
  const untraced = await twoDays()
  expect([untraced.rows, [...calls]]).toEqual([asItIs, []])
  const traced = await twoDays(otel)
  expect(traced.rows).toEqual(asItIs)
  expect(traced.statements).toEqual(untraced.statements)
  expect([...calls].sort()).toEqual([...parts].sort())
})

const parts = [
  'startSpan',
  'startActiveSpan',
  'startActiveSpan, at its end',
  'spanContext',
  'setAttributes',
  'setStatus',
  'end',
  'add',
  'record',
  'removeBatchObservableCallback',
]

it.each(parts)('plans, sends and records all the same where the API throws: %s', async (part) => {
  expect((await twoDays(telemetry(api(part).given))).rows).toEqual(asItIs)
})

it('waits for no exporter', async () => {
  const never = { export: () => {}, shutdown: async () => {}, forceFlush: () => new Promise<void>(() => {}) }
  const spanProcessors = [new SimpleSpanProcessor({ exporter: never }), new BatchSpanProcessor({ exporter: never })]
  const trace = new TracerProvider({ spanProcessors })
  expect((await twoDays(telemetry({ trace, metrics: new MeterProvider() }))).rows).toEqual(asItIs)
})

it('counts an error that a transport returns as a failure', async () => {
  const exporter = new InMemorySpanExporter()
  const trace = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const otel = telemetry({ trace, metrics: new MeterProvider() })
  const returning = { ...capture(), send: async (): Promise<SendReceipt> => refusal }
  const transports = otel.transports([returning])
  await using clinic = await openClinic('2026-03-01T09:00:00Z', { transports })
  clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z', recipients: [byMail] })
  await clinic.start()
  await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
  await clinic.clock.advance(1000)
  const { notifications } = await clinic.notifications.history({ state: 'all' })
  expect(notifications.map(({ status }) => status)).toEqual(['FAILED'])
  const [send] = exporter.getFinishedSpans()
  expect(send?.attributes['error.type']).toBe('capture_refused')
})

/** What a transport in plain JavaScript may answer, whatever its type says. */
const refusal = Object.assign(new TransportError('No.', { outcome: 'permanent', code: 'capture_refused' }), {
  messageId: null,
})
