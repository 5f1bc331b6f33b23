import type { Channel } from '../channels/index.ts'
import { mostExact } from '../schemas/detail.ts'
import type { QuietRule, QuietSpan } from '../schemas/quiet-hours.ts'
import type { Category } from '../schemas/vocabulary.ts'
import { clockChanges, offsetAt } from './local-time.ts'
import { lastTryMs } from './retry.ts'

const dayMs = 86_400_000

/** Quiet hours as they come: nothing is sent from `since` until `until`. */
export type Quiet = { readonly since: Date; readonly until: Date }

/** The rule of quiet hours that counts for messages of a channel and category; null: there are none. */
export function quietRuleFor(
  rules: readonly QuietRule[] | null,
  channel: Channel,
  category: Category,
): (QuietRule & { readonly hours: QuietSpan }) | null {
  if (rules === null || rules.length === 0) return null
  const rule = mostExact(rules, channel, category)
  return rule === null || rule.hours === null ? null : { ...rule, hours: rule.hours }
}

/**
 * The quiet hours that an instant is within; null: it is not. It is where the zone's clocks show a time of the span, whichever day or
 * side of a clock change: where clocks are set back into the span, it is quiet again.
 */
export function quietAt(span: QuietSpan, timeZone: string, at: Date): Quiet | null {
  const clock = clockOf(span, timeZone)
  const ms = at.getTime()
  return clock.isQuiet(ms) ? { since: new Date(beginning(clock, ms)), until: new Date(end(clock, ms)) } : null
}

/** The instant itself, or the end of the quiet hours that it is within. */
export const openFrom = (span: QuietSpan, timeZone: string, at: Date): Date => quietAt(span, timeZone, at)?.until ?? at

type Clock = {
  readonly timeZone: string
  readonly isQuiet: (ms: number) => boolean
  /** How long the zone's clocks take to the end of the span, and how long they have passed its beginning, as they go now. */
  readonly leftMs: (ms: number) => number
  readonly passedMs: (ms: number) => number
}

function clockOf({ from, to }: QuietSpan, timeZone: string): Clock {
  const [fromMs, toMs] = [msOf(from), msOf(to)]
  const lengthMs = modulo(toMs - fromMs)
  const passedMs = (ms: number) => modulo(ms + offsetAt(timeZone, new Date(ms)) - fromMs)
  return {
    timeZone,
    passedMs,
    isQuiet: (ms) => passedMs(ms) < lengthMs,
    leftMs: (ms) => lengthMs - passedMs(ms),
  }
}

/** The first instant from a quiet one on that is not. */
function end(clock: Clock, ms: number): number {
  let at = ms
  while (clock.isQuiet(at)) {
    const usual = at + clock.leftMs(at)
    at = clockChanges(clock.timeZone, at, usual)[0] ?? usual
  }
  return at
}

/** The first instant of those before a quiet one that are quiet up to it. */
function beginning(clock: Clock, ms: number): number {
  let at = ms
  for (;;) {
    const usual = at - clock.passedMs(at)
    // Also a change in the very moment: clocks that are set back to the beginning were within the span before.
    const change = clockChanges(clock.timeZone, usual - 1, at).at(-1)
    if (change === undefined) return usual
    if (!clock.isQuiet(change - 1)) return change
    at = change - 1
  }
}

/** Whether what waits for the end of the quiet hours still has time for an attempt. */
export const fitsAfter = ({ until }: Quiet, deadline: Date | null): boolean =>
  deadline === null || until.getTime() <= deadline.getTime() - lastTryMs

/** So long before the quiet hours a reminder is sent, so that a worker that is late still sends it before them, in ms. */
const beforeMs = 15 * 60_000

/** When a reminder of the quiet hours would be sent before them; always an instant that is not quiet. */
export function timeBefore(span: QuietSpan, timeZone: string, { since }: Quiet): Date {
  const openMs = modulo(msOf(span.from) - msOf(span.to))
  const at = new Date(since.getTime() - Math.min(beforeMs, openMs / 2))
  return quietAt(span, timeZone, at) === null ? at : new Date(since.getTime() - 1)
}

const msOf = (time: string): number => Number(time.slice(0, 2)) * 3_600_000 + Number(time.slice(3)) * 60_000

const modulo = (ms: number): number => ((ms % dayMs) + dayMs) % dayMs
