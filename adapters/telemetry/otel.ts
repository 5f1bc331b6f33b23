/**
 * Traces and metrics for OpenTelemetry (`@opentelemetry/api` 1.9 or later). Nothing is measured without it.
 * @example
 * import { metrics, trace } from '@opentelemetry/api'
 *
 * const otel = telemetry({ trace, metrics })
 * const { traceContext } = otel
 * const transports = otel.transports([smtp()])
 * export const library = otel.watch(createNotifications({ storage, directory, transports, traceContext }))
 */
import { isTransportError } from '../../src/errors.ts'
import type {
  NotificationEvent,
  NotificationEvents,
  Notifications,
  OutboundMessage,
  SendContext,
  SendReceipt,
  TraceContextOf,
  Transport,
} from '../../src/index.ts'
import { type Links, linksTo, Remembered, type SpanContextLike, textOf } from './otel/links.ts'

export type { SpanContextLike }

/**
 * The part of OpenTelemetry's API that is used: `{ trace, metrics }` as `@opentelemetry/api` exports them, or providers of
 * your own.
 */
export type OpenTelemetryLike = {
  readonly trace: { getTracer(name: string): TracerLike }
  readonly metrics: { getMeter(name: string): MeterLike }
}
/** The part of a tracer that is used. */
export type TracerLike = {
  startSpan(name: string, options: SpanOptionsLike): SpanLike
  startActiveSpan<Result>(name: string, options: SpanOptionsLike, run: (span: SpanLike) => Result): Result
}
/** Options of a span, as far as they are used. */
export type SpanOptionsLike = {
  kind: number
  root: boolean
  attributes: Attributes
  links: Links
}
/** The part of a span that is used. */
export type SpanLike = {
  spanContext(): SpanContextLike
  setAttributes(attributes: Attributes): unknown
  setStatus(status: { code: number }): unknown
  end(): void
}
/** The part of a meter that is used. */
export type MeterLike = {
  createCounter(name: string, options: InstrumentOptions): { add(value: number, attributes: Attributes): void }
  createHistogram(name: string, options: InstrumentOptions): { record(value: number, attributes: Attributes): void }
  createObservableGauge(name: string, options: InstrumentOptions): object
  addBatchObservableCallback(callback: BatchCallback, gauges: object[]): void
  removeBatchObservableCallback?(callback: BatchCallback, gauges: object[]): void
}
type BatchCallback = (result: { observe(gauge: object, value: number): void }) => Promise<void>
type InstrumentOptions = { description: string; unit: string; advice?: { explicitBucketBoundaries: number[] } }
type Attributes = Record<string, string | number>

/** Traces and metrics of the library. */
export type Telemetry = {
  /** For the option `traceContext`: stores the span that planned a reminder with it, to link it to the span that sends it. */
  readonly traceContext: TraceContextOf
  /** The same transports, with a span for each send, current while it runs, and with counts and durations. */
  transports(transports: readonly Transport[]): Transport[]
  /**
   * Measures the library's events and its state (whenever metrics are collected) until its `stop()`. Returns the library.
   * Repeating it for the same library does nothing.
   */
  watch<Library extends Pick<Notifications, 'events' | 'health' | 'notifications' | 'stop'>>(library: Library): Library
}

// Enumerations of the API, which is not loaded for the sake of four numbers: SpanKind and SpanStatusCode.
const client = 2
const producer = 3
const consumer = 4
const failed = 2

const name = 'appointment-notifications'
/** As the messaging conventions want them, in seconds. */
const durations = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const lags = [1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14_400, 86_400]

/**
 * Traces and metrics. Every span begins a trace of its own: work of several requests is done together, later, or by a timer
 * that one of them set, so the span that is current then belongs to somebody else. Spans link to the previous span of the
 * same message, whose context is stored with it, whichever process made it. Names follow the messaging conventions where
 * there is one. Attributes are words and ids of rows, never a person, an address or a text.
 */
export function telemetry({ trace, metrics }: OpenTelemetryLike): Telemetry {
  const tracer = trace.getTracer(name)
  const meter = metrics.getMeter(name)
  /** Until their reminders are stored. */
  const planning = new Remembered<string, SpanLike>()
  /** Of messages by their ids: that of one that failed is stored nowhere. */
  const sending = new Remembered<number, string>()
  const watched = new WeakSet<object>()
  const sent = meter.createCounter('messaging.client.sent.messages', {
    description: 'Messages given to a provider, those too that it refused',
    unit: '{message}',
  })
  const duration = meter.createHistogram('messaging.client.operation.duration', {
    description: 'How long the provider took',
    unit: 's',
    advice: { explicitBucketBoundaries: durations },
  })
  const lag = meter.createHistogram('notifications.due.lag', {
    description: 'From when a message was due, or asked for, until the provider accepted it',
    unit: 's',
    advice: { explicitBucketBoundaries: lags },
  })
  const skipped = meter.createCounter('notifications.skipped', {
    description: 'Messages left out at planning, or withdrawn before they were sent, by rule',
    unit: '{message}',
  })
  const reported = meter.createCounter('notifications.reported', {
    description: 'What became of messages, as reported or decided, by outcome',
    unit: '{message}',
  })

  const send = (transport: Transport) => (message: OutboundMessage, context: SendContext) => {
    const { channel, category, notificationId, reminderId = null, traceContext, organizationId } = message
    const operation = attributesOf(channel, 'send', 'send', { 'messaging.system': transport.name })
    const about = { ...operation, 'notifications.category': category }
    const attributes = {
      ...about,
      'notifications.id': notificationId,
      'notifications.organization.id': organizationId,
      ...(reminderId !== null && { 'notifications.reminder.id': reminderId }),
    }
    const options = { kind: client, root: true, attributes, links: linksTo(traceContext) }
    const deliver = async (span: SpanLike | null): Promise<SendReceipt> => {
      const sender = quietly(() => (span === null ? null : textOf(span.spanContext()))) ?? null
      if (sender !== null) sending.add(notificationId, sender)
      const began = performance.now()
      const ended = (error: Attributes, result: Attributes = error) => {
        quietly(() => span?.setAttributes(result))
        quietly(() => sent.add(1, { ...about, ...error }))
        quietly(() => duration.record((performance.now() - began) / 1000, { ...operation, ...error }))
        quietly(() => span?.end())
      }
      const refused = (error: unknown) => {
        quietly(() => span?.setStatus({ code: failed }))
        ended({ 'error.type': isTransportError(error) ? error.code : 'transport_failed' })
      }
      let receipt: SendReceipt
      try {
        receipt = await transport.send(message, context)
      } catch (error) {
        refused(error)
        throw error
      }
      // A transport in plain JavaScript may return an error, or nothing.
      if (isTransportError(receipt)) {
        refused(receipt)
        return receipt
      }
      const { messageId = null } = receipt ?? {}
      ended({}, messageId === null ? {} : { 'messaging.message.id': messageId })
      return sender === null ? receipt : { messageId, traceContext: sender }
    }
    let begun: Promise<SendReceipt> | undefined
    quietly(() =>
      tracer.startActiveSpan(`send ${channel}`, options, (span) => {
        begun = deliver(span)
      }),
    )
    return begun ?? deliver(null)
  }

  const begin = ({ channel, organizationId }: About, operation: Operation, more: Attributes, links: Links = []) => {
    const { name, type, kind } = operation
    const ids = { 'notifications.organization.id': organizationId }
    const attributes = attributesOf(channel, name, type, { ...more, ...ids })
    return tracer.startSpan(`${name} ${channel}`, { kind, root: true, attributes, links })
  }

  const receipt = (outcome: string) => (event: NotificationEvent) => {
    const { channel, category, notificationId, traceContext = sending.get(notificationId) } = event
    const counted = { 'notifications.category': category, 'notifications.outcome': outcome }
    reported.add(1, { ...counted, 'messaging.destination.name': channel })
    begin(event, receiving, { ...counted, 'notifications.id': notificationId }, linksTo(traceContext)).end()
  }

  const scheduled = (event: NotificationEvents['reminder.scheduled'][0]) => {
    const { reminderId, traceContext } = event
    const span = traceContext === undefined ? undefined : planning.get(traceContext)
    const ended = span ?? begin(event, creating, { 'notifications.category': 'REMINDER' })
    ended.setAttributes({ 'notifications.reminder.id': reminderId })
    ended.end()
  }

  return {
    traceContext(reminder) {
      const span = begin(reminder, creating, { 'notifications.category': 'REMINDER' })
      const context = textOf(span.spanContext())
      if (context !== null) planning.add(context, span)
      return context
    },
    transports: (transports) => transports.map((transport) => instrumented(transport, send(transport))),
    watch(library) {
      const { events } = library
      if (watched.has(events)) return library
      watched.add(events)
      events.on('reminder.scheduled', scheduled)
      const leftOut = ({ channel, rule }: { readonly channel: string; readonly rule: string }) =>
        skipped.add(1, { 'notifications.rule': rule, 'messaging.destination.name': channel })
      events.on('reminder.skipped', leftOut)
      events.on('reminder.cancelled', leftOut)
      events.on('notification.sent', ({ channel, category, lateMs }) => {
        const about = { 'notifications.category': category, 'messaging.destination.name': channel }
        if (lateMs !== null) lag.record(lateMs / 1000, about)
      })
      for (const outcome of ['delivered', 'read', 'complained', 'unreported', 'failed', 'unknown'] as const)
        events.on(`notification.${outcome}`, receipt(outcome))
      measureState(meter, library)
      return library
    },
  }
}

type About = { readonly channel: string; readonly organizationId: string }
type Operation = { readonly name: string; readonly type: string; readonly kind: number }
const creating: Operation = { name: 'plan', type: 'create', kind: producer }
/** A span of no length: what it stands for is done. */
const receiving: Operation = { name: 'receipt', type: 'process', kind: consumer }

/**
 * Measuring may throw, such as by a span processor of the host. The message is sent all the same, and once: an error of `send` would have
 * it sent again.
 */
function quietly<Result>(measure: () => Result): Result | undefined {
  try {
    return measure()
  } catch {
    // What was not measured is missing there, where the host looks.
    return undefined
  }
}

/** What is true of the whole database: each process reports the same, until its library is stopped. */
function measureState(meter: MeterLike, library: Pick<Notifications, 'health' | 'notifications' | 'stop'>): void {
  const { health, notifications, stop } = library
  const waiting = meter.createObservableGauge('notifications.waiting', {
    description: 'How long the oldest due message has been waiting',
    unit: 's',
  })
  const pending = meter.createObservableGauge('notifications.pending', {
    description: 'Notices and taken over messages that are queued, counted up to 10,000',
    unit: '{message}',
  })
  const paused = meter.createObservableGauge('notifications.account.paused', {
    description: 'Provider accounts that are paused',
    unit: '{account}',
  })
  const gauges = [waiting, pending, paused]
  const observe: BatchCallback = async (result) => {
    const queued = notifications.history({ state: 'queued', limit: 1 }).catch(() => null)
    const [{ scheduler, accounts }, page] = await Promise.all([health(), queued])
    if (scheduler.lagMs !== null) result.observe(waiting, scheduler.lagMs / 1000)
    if (accounts !== null) result.observe(paused, accounts.count)
    if (page !== null) result.observe(pending, page.total)
  }
  meter.addBatchObservableCallback(observe, gauges)
  library.stop = () => {
    quietly(() => meter.removeBatchObservableCallback?.(observe, gauges))
    return stop.call(library)
  }
}

const attributesOf = (channel: string, operation: string, type: string, more: Attributes): Attributes => ({
  'messaging.operation.name': operation,
  'messaging.operation.type': type,
  'messaging.destination.name': channel,
  ...more,
})

/** The transport with another `send`. Its methods keep their object, which may have private fields. */
const instrumented = (transport: Transport, send: Transport['send']): Transport =>
  new Proxy(transport, {
    get(target, key) {
      if (key === 'send') return send
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
