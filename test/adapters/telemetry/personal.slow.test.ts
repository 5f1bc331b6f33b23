import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, it } from 'vitest'
import { telemetry } from '../../../adapters/telemetry/otel.ts'
import { capture } from '../../../adapters/transport/capture.ts'
import { type InboundMessage, type Logger, type OutboundMessage, TransportError } from '../../../src/index.ts'
import { admin, ask } from '../../conformance/http/world.ts'
import { ada, openClinic, organizationId } from '../../support/clinic.ts'

const symptom = 'a rash on both arms'
const about = [ada.name, 'Ada', ada.email, ada.phone, ada.phone.slice(2)]
/** What nobody but the person and the clinic may read: who is written to, what, and what they write. */
const personal = [...about, 'Dr. Smith', 'Room 4', symptom, 'appointment with']

/** Of five messages each ends in another way, with an error that says everything. */
function talkative(inbound: InboundMessage[]) {
  let sends = 0
  return capture({
    fail(message: OutboundMessage) {
      sends += 1
      const all = new Error(`${message.toName} <${message.to}>: ${message.subject} ${message.text} ${message.html}`)
      if (sends % 5 === 3) throw all
      const outcome = (['permanent', 'transient', 'unknown'] as const)[sends % 5]
      return outcome === undefined
        ? null
        : new TransportError(all.message, { outcome, code: 'capture_refused', cause: all })
    },
    receipts: async () => ({
      kind: 'read',
      reports: [],
      inbound: inbound.splice(0),
      respond: (text) => ({ type: 'text/plain', text }),
      reply: { type: 'text/plain', text: 'ok' },
    }),
  })
}

/** What the log, events, health, spans and metrics hold of a week in which whatever can fail does. */
async function badWeek() {
  const lines: string[] = []
  const note = (...values: unknown[]) => void lines.push(JSON.stringify(values))
  const logger: Logger = { debug: note, info: note, warn: note, error: note }
  const spans = new InMemorySpanExporter()
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const metrics = new MeterProvider({ readers: [reader] })
  const trace = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })
  const otel = telemetry({ trace, metrics })
  const inbound: InboundMessage[] = []
  const fails = () => {
    throw new Error(`${personal.join(' ')}`)
  }
  await using clinic = await openClinic('2026-03-01T09:00:00Z', {
    logger,
    transports: otel.transports([talkative(inbound)]),
    traceContext: otel.traceContext,
    publicUrl: 'https://clinic.example/n',
    authenticate: async ({ headers }) => (headers['x-fails'] === undefined ? admin : fails()),
    hooks: { onConfirm: fails, onChangeRequest: fails, onCancelRequest: fails, onReply: fails },
    mailLayout: fails,
  })
  otel.watch(clinic)
  const failed = (error: unknown) => note(String(error))
  for (const name of [
    'error',
    'notification.failed',
    'notification.unknown',
    'reply.received',
    'inbound.received',
  ] as const)
    clinic.events.on(name, (event: unknown) => {
      note(event)
      fails()
    })
  await clinic.settings.createOrganizationSettings(organizationId, { askForAnswers: true, mailLayout: {} })
  const ids = [1, 2, 3, 4, 5]
  for (const id of ids) clinic.host.book({ id, startsAt: `2026-03-0${id + 2}T10:00:00Z` })
  await clinic.start()
  for (const id of ids) await clinic.notifications.appointmentBooked(id)
  await clinic.clock.advanceTo('2026-03-04T12:00:00Z')
  for (const text of ['C', symptom, `please cancel, I have ${symptom}`, `${ada.name} here: ${ada.phone}`, 'STOP']) {
    inbound.push({
      from: ada.phone,
      to: null,
      text,
      messageId: `in-${text.length}`,
      at: clinic.clock.now(),
      repliesTo: undefined,
    })
    await ask(clinic, { method: 'POST', path: '/webhooks/capture/sms', body: '', caller: null })
    await clinic.clock.advance(60_000)
  }
  const address = encodeURIComponent(ada.email)
  const preferences = { email_address: `${ada.name} <${ada.email}`, phone_number: ada.phone }
  for (const request of [
    { method: 'POST', path: '/settings', body: `{"name": "${ada.name}", ${ada.email}`, caller: null },
    { method: 'GET', path: `/history/${address}?recipient=${address}`, caller: null },
    { method: 'GET', path: `/settings/${organizationId}`, caller: null, headers: { 'x-fails': '1' } },
    { method: 'PUT', path: `/preferences/patient/${ada.id}`, body: preferences, caller: null },
  ] as const)
    await ask(clinic, request)
  const row = clinic.host.book({ id: 9, startsAt: '2026-03-09T10:00:00Z' })
  clinic.host.appointmentRows.set(9, { ...row, recipients: [{ ...ada, email: ada.name }], timeZone: ada.name })
  await clinic.notifications.appointmentBooked(9).catch(failed)
  clinic.host.fault = new Error(`select * from patients where email = '${ada.email}' -- ${personal.join(' ')}`)
  await clinic.notifications.appointmentBooked(2).catch(failed)
  await clinic.clock.advance(10 * 60_000)
  note(await clinic.health(), await clinic.checkUp())
  await reader.forceFlush()
  const shown = ({ name, attributes, status, events, links }: ReadableSpan) => [name, attributes, status, events, links]
  const collected = exporter.getMetrics().map(({ scopeMetrics }) => scopeMetrics)
  await metrics.shutdown()
  return { lines, measured: JSON.stringify([spans.getFinishedSpans().map(shown), collected]) }
}

it('holds nothing of a person in the log, events, health, spans and metrics, whatever fails', async () => {
  const { lines, measured } = await badWeek()
  const log = lines.join('\n')
  for (const word of [
    'hook failed',
    'event listener failed',
    'authenticate failed',
    'mail layout failed',
    'directory method failed',
    'directory row is invalid',
    '"capture_refused"',
  ])
    expect(log).toContain(word)
  for (const word of ['plan SMS', 'send EMAIL', 'receipt EMAIL', 'transport_failed', 'notifications.rule'])
    expect(measured).toContain(word)
  for (const word of personal) {
    expect(lines.filter((line) => line.includes(word))).toEqual([])
    expect(measured).not.toContain(word)
  }
})
