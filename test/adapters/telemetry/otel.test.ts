import { AsyncLocalStorage } from 'node:async_hooks'
import { readFileSync } from 'node:fs'
import { trace as api, type Context, type ContextManager, context, ROOT_CONTEXT } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { telemetry } from '../../../adapters/telemetry/otel.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { TransportError } from '../../../src/index.ts'
import { ada, openClinic } from '../../support/clinic.ts'

/** A day of a clinic as the real SDK exports it: a reminder that is sent and reported, one withdrawn, and a notice that fails. */
async function aDay() {
  const spans = new InMemorySpanExporter()
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const metrics = new MeterProvider({ readers: [reader] })
  const trace = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })
  const otel = telemetry({ trace, metrics })
  const refused = new TransportError('No.', { outcome: 'permanent', code: 'capture_refused' })
  const outbox = capture({ fail: ({ category }) => (category === 'CANCELLATION' ? refused : null) })
  await using clinic = await openClinic('2026-03-01T09:00:00Z', {
    transports: otel.transports([outbox]),
    traceContext: otel.traceContext,
  })
  otel.watch(clinic)
  const { phone: _, ...byMail } = ada
  clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z', recipients: [byMail] })
  await clinic.start()
  // Whatever is current in a request of the host is nobody's parent.
  const request = trace.getTracer('host').startSpan('request')
  context.setGlobalContextManager(new AsyncContexts())
  onTestFinished(() => context.disable())
  const inRequest = api.setSpan(context.active(), request)
  await context.with(inRequest, () => clinic.notifications.scheduleReminders(1))
  // As a timer that the request set.
  await context.with(inRequest, () => clinic.clock.advanceTo('2026-03-02T10:00:30Z'))
  const [first] = outbox.sent
  if (first === undefined) throw new Error('Nothing was sent.')
  await clinic.recordReceipt(first.notificationId, { outcome: 'delivered' })
  clinic.host.change(1, { status: 'cancelled' })
  await clinic.notifications.appointmentCancelled(1)
  await clinic.clock.advance(1000)
  await Promise.all([reader.forceFlush(), trace.forceFlush()])
  const exported = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics: all }) => all))
  await metrics.shutdown()
  return { spans: spans.getFinishedSpans(), exported, first }
}

/** What `@opentelemetry/sdk-node` installs, in short. */
class AsyncContexts implements ContextManager {
  readonly #current = new AsyncLocalStorage<Context>()

  active(): Context {
    return this.#current.getStore() ?? ROOT_CONTEXT
  }

  with: ContextManager['with'] = (given, run, self, ...values) =>
    this.#current.run(given, () => run.apply(self, values))
  bind: ContextManager['bind'] = (_, target) => target
  enable = () => this
  disable = () => this
}

const named = (spans: readonly ReadableSpan[], name: string) => spans.filter((span) => span.name === name)
const linkedTo = ({ links }: ReadableSpan) => links.map(({ context }) => context.spanId)

it('links the spans of a message from its plan to its receipt, and measures it', async () => {
  const { spans, exported, first } = await aDay()
  const plans = named(spans, 'plan EMAIL')
  const [sent, failed] = named(spans, 'send EMAIL')
  const [receipt] = named(spans, 'receipt EMAIL')
  if (sent === undefined || failed === undefined || receipt === undefined) throw new Error('A span is missing.')
  const plan = plans.find(({ attributes }) => attributes['notifications.reminder.id'] === first.reminderId)
  expect(linkedTo(sent)).toEqual([plan?.spanContext().spanId])
  expect(linkedTo(receipt)).toEqual([sent.spanContext().spanId])
  expect(sent.attributes).toEqual({
    'messaging.system': 'capture',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.destination.name': 'EMAIL',
    'messaging.message.id': first.idempotencyKey,
    'notifications.category': 'REMINDER',
    'notifications.id': first.notificationId,
    'notifications.reminder.id': first.reminderId,
    'notifications.organization.id': first.organizationId,
  })
  expect(spans.filter(({ parentSpanContext }) => parentSpanContext !== undefined)).toEqual([])
  expect(failed.attributes['error.type']).toBe('capture_refused')
  expect(JSON.stringify([spans.map(({ name, attributes }) => [name, attributes]), exported])).not.toContain(ada.email)

  const points = (name: string): DataPoint<unknown>[] =>
    exported.flatMap(({ descriptor, dataPoints }) => (descriptor.name === name ? [...dataPoints] : []))
  const counted = (name: string, attribute: string) =>
    points(name).map(({ attributes, value }) => [attributes[attribute], value])
  expect(counted('messaging.client.sent.messages', 'error.type')).toEqual([
    [undefined, 1],
    ['capture_refused', 1],
  ])
  const [took] = points('messaging.client.operation.duration')
  expect(took?.value).toMatchObject({ count: 1, buckets: { boundaries: expect.arrayContaining([0.005, 7.5, 10]) } })
  expect(points('notifications.due.lag')[0]?.value).toMatchObject({ count: 1 })
  expect(counted('notifications.skipped', 'notifications.rule')).toEqual([
    ['no_contact', 1],
    ['appointment_cancelled', 1],
  ])
  expect(counted('notifications.reported', 'notifications.outcome')).toEqual([
    ['delivered', 1],
    ['failed', 1],
  ])
  for (const gauge of ['notifications.waiting', 'notifications.pending', 'notifications.account.paused'])
    expect([gauge, points(gauge).map(({ value }) => value)]).toEqual([gauge, [0]])

  // As Prometheus has the names: with the unit, and with what kind of number it is.
  const units: Readonly<Record<string, string>> = { s: '_seconds' }
  const known = exported.flatMap(({ descriptor: { name, unit }, dataPointType }) => {
    const whole = `${name.replaceAll('.', '_')}${units[unit] ?? ''}`
    if (dataPointType === DataPointType.HISTOGRAM) return `${whole}_bucket`
    return dataPointType === DataPointType.SUM ? `${whole}_total` : whole
  })
  const grouping = /by \(([^)]*)\)/
  const shown = dashboard().flatMap(
    (expr) => expr.replace(grouping, '').match(/(?:messaging|notifications)_\w+/g) ?? [],
  )
  expect(new Set(shown)).toEqual(new Set(known))
  const attributes = exported.flatMap(({ dataPoints }) => dataPoints.flatMap((point) => Object.keys(point.attributes)))
  const labels = [...attributes.map((label) => label.replaceAll('.', '_')), 'le']
  const grouped = dashboard().flatMap((expr) => grouping.exec(expr)?.[1]?.split(', ') ?? [])
  expect(grouped.filter((label) => !labels.includes(label))).toEqual([])
})

it('sends a message once where measuring throws', async () => {
  const broken = (): never => {
    throw new Error('The processor is broken.')
  }
  const fine = { onStart: () => {}, onEnd: () => {}, forceFlush: async () => {}, shutdown: async () => {} }
  for (const processor of [
    { ...fine, onStart: broken },
    { ...fine, onEnd: broken },
  ]) {
    const trace = new TracerProvider({ spanProcessors: [processor] })
    const outbox = capture()
    const otel = telemetry({ trace, metrics: new MeterProvider() })
    await using clinic = await openClinic('2026-03-01T09:00:00Z', { transports: otel.transports([outbox]) })
    const { phone: _, ...byMail } = ada
    clinic.host.book({ id: 1, startsAt: '2026-03-03T10:00:00Z', recipients: [byMail] })
    await clinic.start()
    await clinic.notifications.sendAppointmentNotification(1, { category: 'CONFIRMATION' })
    await clinic.clock.advance(3_600_000)
    expect(outbox.sent).toHaveLength(1)
    expect((await clinic.notifications.history({ state: 'settled' })).total).toBe(1)
  }
})

it('measures the state of a library once, until it is stopped', async () => {
  const reader = new PeriodicExportingMetricReader({
    exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
    exportIntervalMillis: 3_600_000,
  })
  const metrics = new MeterProvider({ readers: [reader] })
  onTestFinished(() => metrics.shutdown())
  await using clinic = await openClinic('2026-03-01T09:00:00Z')
  let asked = 0
  const { health } = clinic
  const counting = {
    ...clinic,
    health: () => {
      asked += 1
      return health()
    },
  }
  const otel = telemetry({ trace: new TracerProvider(), metrics })
  otel.watch(otel.watch(counting))
  await reader.forceFlush()
  expect(asked).toBe(1)
  const stopped = counting.stop()
  await clinic.clock.advance(12_000)
  await stopped
  await reader.forceFlush()
  expect(asked).toBe(1)
})

/** What the dashboard beside the distributed example asks for. */
function dashboard(): string[] {
  const file = new URL('../../../examples/distributed/grafana-dashboard.json', import.meta.url)
  const shape = z.object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) })
  const { panels } = shape.parse(JSON.parse(readFileSync(file, 'utf8')))
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
}
