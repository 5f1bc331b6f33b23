import type { EntityId } from '../../schemas/common.ts'
import { parseInput } from '../../schemas/common.ts'
import { type PageOptions, pageOptions } from '../../schemas/requests.ts'
import { previewOf } from '../messages/previews.ts'
import type { Context } from '../shared/context.ts'
import { type Place, readCursor, writeCursor } from '../shared/cursor.ts'
import { locatedAppointment, type Scope } from '../shared/owners.ts'
import { type ReminderPage, showReminder } from '../shared/views.ts'
import { explainUnreported } from './explain-unreported.ts'
import { explainWaiting } from './explain-waiting.ts'
import { type ExplanationLine, type ExplanationPage, explainAppointment } from './explanation.ts'

const defaultLimit = 500

type Slice<T> = { readonly rows: readonly T[]; readonly nextCursor: string | null }

/** The rows after the cursor, from rows ordered by place. */
function slice<T>(all: readonly T[], placeOf: (row: T, index: number) => Place, options: PageOptions): Slice<T> {
  const { cursor, limit = defaultLimit } = options
  const after = cursor === undefined ? null : readCursor(cursor)
  const isAfter = ({ at, id }: Place) =>
    after === null || at > after.at || (at.getTime() === after.at.getTime() && id > after.id)
  const first = all.findIndex((row, index) => isAfter(placeOf(row, index)))
  const from = first === -1 ? all.length : first
  const rows = all.slice(from, from + limit)
  const last = rows.at(-1)
  const isEnd = last === undefined || from + rows.length === all.length
  return { rows, nextCursor: isEnd ? null : writeCursor(placeOf(last, from + rows.length - 1)) }
}

/** A page of reminders, by time, then id; only these are rendered. `options` null: all of them. */
export async function reminderPage(
  context: Context,
  appointmentId: EntityId,
  scope: Scope,
  options: PageOptions | null,
): Promise<ReminderPage> {
  const asked = options === null ? null : parseInput(pageOptions, options, 'page')
  const { organizationId, lookup } = await locatedAppointment(context, appointmentId, scope)
  const { storage } = context.options
  const [all, answers] = await Promise.all([
    storage.reminders.list(organizationId, appointmentId),
    answersOf(context, organizationId, appointmentId),
  ])
  const placeOf = ({ reminderTime: at, id }: (typeof all)[number]) => ({ at, id })
  const { rows, nextCursor } = asked === null ? { rows: all, nextCursor: null } : slice(all, placeOf, asked)
  const preview = await previewOf(context, lookup?.kind === 'known' ? lookup.value : null)
  return { reminders: rows.map((row) => showReminder(row, preview(row))), answers, nextCursor }
}

/** A page of lines in order of time. Lines about the present, which are not stored, follow on the last page. `options` null: all lines. */
export async function explanationPage(
  context: Context,
  appointmentId: EntityId,
  scope: Scope,
  options: PageOptions | null,
): Promise<ExplanationPage> {
  const asked = options === null ? null : parseInput(pageOptions, options, 'page')
  const place = await locatedAppointment(context, appointmentId, scope)
  const { organizationId, lookup } = place
  const [all, answers] = await Promise.all([
    explainAppointment(context.options.storage, organizationId, appointmentId),
    answersOf(context, organizationId, appointmentId),
  ])
  const { rows, nextCursor } = asked === null ? { rows: all, nextCursor: null } : slice(all, numbered(all), asked)
  if (nextCursor !== null) return { decisions: rows, answers, nextCursor }
  const waiting = await explainWaiting(context, organizationId, appointmentId, lookup)
  const unreported = await explainUnreported(context, appointmentId, place, all)
  return { decisions: [...rows, ...waiting, ...unreported], answers, nextCursor }
}

const answersOf = async ({ options }: Context, organizationId: string, appointmentId: EntityId) =>
  (await options.storage.plans.get(organizationId, appointmentId))?.answers ?? []

/** Lines have no ids, so they are numbered within each instant. */
function numbered(lines: readonly ExplanationLine[]): (line: ExplanationLine, index: number) => Place {
  const numbers: number[] = []
  for (const [index, { at }] of lines.entries()) {
    const isSame = lines[index - 1]?.at.getTime() === at.getTime()
    numbers.push(isSame ? (numbers[index - 1] ?? 0) + 1 : 1)
  }
  return ({ at }, index) => ({ at, id: numbers[index] ?? 1 })
}
