import type { Channel } from '../channels/index.ts'

/**
 * Begins or finds the span of a reminder that is about to be stored, and returns its context, W3C `traceparent`, which is stored with it; null:
 * there is none. The reminder may not come to be stored; `reminder.scheduled` reports it if it is.
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
