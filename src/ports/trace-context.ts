import type { Channel } from '../channels/index.ts'

/**
 * Called before a reminder is stored: starts or finds its span, and returns its context as W3C `traceparent`, which is
 * stored with the reminder; null: none. It may happen that the reminder is not stored after all; if it is, the event
 * `reminder.scheduled` reports it.
 */
export type TraceContextOf = (reminder: { readonly organizationId: string; readonly channel: Channel }) => string | null

const traceparent = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** Nothing else is stored as one. */
export const asTraceContext = (value: unknown): string | null =>
  typeof value === 'string' && traceparent.test(value) ? value : null

/** What the host application's gives, if it is one: planning does not fail because measuring does. */
export const guardedTraceContext =
  (given: TraceContextOf): TraceContextOf =>
  (reminder) => {
    try {
      return asTraceContext(given(reminder))
    } catch {
      return null
    }
  }
