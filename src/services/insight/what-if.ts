import { setImmediate as turn } from 'node:timers/promises'
import { z } from 'zod'
import { type Channel, channels } from '../../channels/index.ts'
import type { Appointment } from '../../domain/appointment.ts'
import type { PlanAhead, SettingsRow } from '../../ports/storage.ts'
import { type ByChannel, byChannel } from '../../schemas/channel-fields.ts'
import {
  type EntityId,
  organizationId,
  parseInput,
  type RecipientRef,
  refKey,
  type Warning,
} from '../../schemas/common.ts'
import { instantInput } from '../../schemas/instant.ts'
import type { MessageCost } from '../../schemas/message-price.ts'
import type { Rule } from '../../schemas/rules.ts'
import { type OrganizationSettingsInput, organizationSettingsInput } from '../../schemas/settings.ts'
import { draw } from '../planning/dry-run.ts'
import { supposedSettings } from '../settings/supposed.ts'
import type { Context } from '../shared/context.ts'
import { Knowledge } from '../shared/knowledge.ts'
import type { DryRun } from '../shared/views.ts'

export const whatIfInput = z.strictObject({
  /** The organization. */
  organizationId,
  /** The settings that would change; all others stay as they are. */
  settings: organizationSettingsInput.describe('The fields that would change, as in the settings of the organization'),
  /** Look at appointments that started at or after this instant; at most 90 days ago. Default: 30 days ago. */
  since: instantInput
    .optional()
    .describe('Appointments that started at or after this instant, 90 days ago at most. Default: 30 days ago'),
  /** How many appointments to look at, 1 to 5000. Default 1000. */
  limit: z.int().min(1).max(5000).optional().describe('How many appointments are looked at. Default 1000'),
})
/** A change of settings to try out on past appointments. */
export type WhatIf = Omit<z.input<typeof whatIfInput>, 'settings'> & { readonly settings: OrganizationSettingsInput }

/** Reminders that would be planned, and their cost. */
export type WhatIfTotals = {
  readonly messages: number
  /** Number of SMS segments. */
  readonly segments: number
  /** Cost by currency; messages without a known price are not included. */
  readonly costs: readonly MessageCost[]
  readonly byChannel: ByChannel<number>
}

/** A person who would get fewer reminders of an appointment. */
export type LostReminders = {
  readonly appointmentId: EntityId
  readonly startsAt: Date
  readonly recipient: RecipientRef
  readonly before: number
  readonly after: number
  /** Why reminders are left out that were planned before. Empty: the new settings have fewer of them, such as fewer offsets. */
  readonly rules: readonly Rule[]
}

/**
 * What other settings would have changed: the same appointments, planned with the present settings (`before`) and with the
 * changed ones (`after`).
 */
export type WhatIfReport = {
  readonly organizationId: string
  readonly since: Date
  /** The appointments looked at start at or before this instant. */
  readonly until: Date
  /** False: there are more appointments until now; raise `limit`. */
  readonly isComplete: boolean
  readonly appointments: number
  /**
   * Number of appointments that your directory no longer has, could not return, or returned as cancelled. They are counted
   * on neither side.
   */
  readonly leftOut: number
  readonly before: WhatIfTotals
  readonly after: WhatIfTotals
  /**
   * Number of people who would get fewer reminders of an appointment, and who would get none; each person is counted once
   * for each appointment.
   */
  readonly losing: { readonly fewer: number; readonly none: number }
  /** The first 100 of these people, by the start of the appointment. */
  readonly lost: readonly LostReminders[]
  /** The warnings that saving the settings would return. */
  readonly warnings: readonly Warning[]
}

const dayMs = 86_400_000
const usualDays = 30
const mostDays = 90
const usualLimit = 1000
/** Appointments that are looked at together; what they take stands in the way of other work of this process. */
const pageSize = 50
const longestMs = 10_000
const mostShown = 100

/** See `Insight.whatIf`. */
export async function whatIf(context: Context, question: WhatIf): Promise<WhatIfReport> {
  const { storage, clock } = context.options
  const { organizationId: id, settings, since: from, limit = usualLimit } = parseInput(whatIfInput, question, 'input')
  const { after: supposed, warnings } = await supposedSettings(context, id, settings)
  const now = clock.now()
  const earliest = now.getTime() - mostDays * dayMs
  const since = new Date(Math.max(earliest, from?.getTime() ?? now.getTime() - usualDays * dayMs))
  const before = new Totals()
  const after = new Totals()
  const losing = { fewer: 0, none: 0 }
  const lost: LostReminders[] = []
  const began = clock.elapsedMs()
  // Every plan that starts then comes after it.
  let place = { startsAt: since, id: 0 }
  let looked = 0
  let appointments = 0
  let isComplete = false
  while (!isComplete && looked < limit && clock.elapsedMs() - began < longestMs) {
    const size = Math.min(pageSize, limit - looked)
    // One more shows whether there are more.
    const found = await storage.plans.ahead({ organizationId: id, after: place, until: now, limit: size + 1 })
    const page = found.slice(0, size)
    for (const { appointment, own, was, would } of await drawBoth(context, id, page, supposed)) {
      appointments += 1
      before.add(was)
      after.add(would)
      for (const one of lostBy(appointment, was, would)) {
        losing[one.after === 0 ? 'none' : 'fewer'] += 1
        if (lost.length < mostShown) lost.push({ ...one, startsAt: own.startsAt })
      }
    }
    looked += page.length
    isComplete = found.length <= size
    place = page.at(-1)?.place ?? place
    // Others are not to wait for all of them: a database and a directory in this process answer without a pause.
    await turn()
  }
  const leftOut = looked - appointments
  const until = isComplete ? now : place.startsAt
  const totals = { before: before.read(), after: after.read() }
  return { organizationId: id, since, until, isComplete, appointments, leftOut, ...totals, losing, lost, warnings }
}

/** What the appointments of these plans get by the settings as they are, and by the others. */
async function drawBoth(context: Context, id: string, plans: readonly PlanAhead[], supposed: SettingsRow) {
  if (plans.length === 0) return []
  const lookupOf = await context.host.appointments(plans.map(({ plan }) => plan.appointmentId))
  const known = plans.flatMap(({ plan: own, createdAt }) => {
    const lookup = lookupOf(own.appointmentId)
    if (lookup.kind !== 'known') return []
    const { organizationId: of, status } = lookup.value
    return of === id && status !== 'cancelled' ? [{ own, createdAt, appointment: lookup.value }] : []
  })
  const subjects = known.map(({ appointment }) => appointment)
  const organizations = await context.host.organizations([id])
  const [asItIs, asSupposed] = await Promise.all([
    Knowledge.load(context, subjects, organizations),
    Knowledge.load(context, subjects, organizations, [supposed]),
  ])
  const { leadMs } = context.options
  return known.map(({ own, createdAt, appointment }) => {
    // What was past when it was booked was not sent.
    const now = appointment.bookedAt ?? createdAt
    const drawing = { customReminders: own.customReminders, own, now, leadMs }
    return { own, appointment, was: draw(asItIs, appointment, drawing), would: draw(asSupposed, appointment, drawing) }
  })
}

class Totals {
  #messages = 0
  #segments = 0
  readonly #costs = new Map<string, number>()
  readonly #byChannel = new Map<Channel, number>()

  add({ reminders }: DryRun): void {
    for (const { channel, segments, cost } of reminders) {
      this.#messages += 1
      this.#segments += segments ?? 0
      this.#byChannel.set(channel, (this.#byChannel.get(channel) ?? 0) + 1)
      if (cost !== null) this.#costs.set(cost.currency, (this.#costs.get(cost.currency) ?? 0) + cost.amount)
    }
  }

  read(): WhatIfTotals {
    const used = channels.filter((channel) => this.#byChannel.has(channel))
    return {
      messages: this.#messages,
      segments: this.#segments,
      costs: [...this.#costs].map(([currency, amount]) => ({ currency, amount: Math.round(amount * 1e6) / 1e6 })),
      byChannel: byChannel(used, (channel) => this.#byChannel.get(channel) ?? 0),
    }
  }
}

/** Who gets fewer, and by which rules that did not apply before. */
function lostBy({ id: appointmentId }: Appointment, was: DryRun, would: DryRun): Omit<LostReminders, 'startsAt'>[] {
  const after = Map.groupBy(would.reminders, ({ recipient }) => refKey(recipient))
  return [...Map.groupBy(was.reminders, ({ recipient }) => refKey(recipient))].flatMap(([key, reminders]) => {
    const [first] = reminders
    const count = after.get(key)?.length ?? 0
    if (first === undefined || count >= reminders.length) return []
    const rulesOf = ({ omitted }: DryRun) =>
      omitted.flatMap(({ recipient, rule }) => (recipient === undefined || refKey(recipient) === key ? rule : []))
    const former = rulesOf(was)
    const rules = [...new Set(rulesOf(would))].filter((rule) => !former.includes(rule))
    return { appointmentId, recipient: first.recipient, before: reminders.length, after: count, rules }
  })
}
