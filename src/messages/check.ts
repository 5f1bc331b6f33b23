import type { Warning } from '../schemas/common.ts'
import { type Templates, templateField } from '../schemas/settings.ts'
import type { TemplateSet } from '../schemas/templates.ts'
import { type Category, type Channel, categories, templateKeyOf } from '../schemas/vocabulary.ts'
import { type CompiledTemplate, compileDraft } from './compile.ts'
import type { MessageFacts } from './facts.ts'
import { partsOf, renderMessage, type TemplateParts } from './render.ts'
import { smsSegments } from './sms-segments.ts'
import { excerpt, invalidTemplate, type LocatedProblem, positionAt } from './template-problems.ts'

/** Usual values with a long date, to price an SMS by. */
export function sampleFacts(category: Category): MessageFacts {
  return {
    category,
    start: { instant: new Date('2024-09-25T14:30:00Z'), timeZone: 'America/New_York' },
    durationMinutes: 45,
    practitionerName: 'Dr. Maria Smith',
    location: '123 Main Street, Suite 4',
    organizationName: 'Medical Clinic',
    recipientName: 'Alexander Doe',
    patientName: 'Alexander Doe',
    locale: 'en-US',
    now: new Date('2024-09-22T14:30:00Z'),
  }
}

/** The same with nothing known, to see that gaps render too. */
function emptyFacts(category: Category): MessageFacts {
  const nothing = { start: null, durationMinutes: null, practitionerName: null, location: null }
  const nobody = { organizationName: null, recipientName: null, patientName: null }
  return { ...sampleFacts(category), ...nothing, ...nobody }
}

type Part = { readonly field: string; readonly compiled: CompiledTemplate; readonly isSubject: boolean }

function compiledParts({ body, subject, fields }: TemplateParts): Part[] {
  const parts = [{ field: fields.body, compiled: compileDraft(body), isSubject: false }]
  return subject === undefined
    ? parts
    : [{ field: fields.subject, compiled: compileDraft(subject), isSubject: true }, ...parts]
}

function faultsOf({ field, compiled, isSubject }: Part, category: Category, channel: Channel): LocatedProblem[] {
  if (compiled.problems.length > 0) return compiled.problems.map((problem) => ({ field, problem }))
  try {
    compiled.render(sampleFacts(category))
    compiled.render(emptyFacts(category))
    // A subject is cut to its length, and an SMS has none.
    const fault = isSubject ? null : compiled.sizeFault(channel, sampleFacts(category))
    return fault === null ? [] : [{ field, problem: { line: 1, column: 1, message: fault } }]
  } catch (error) {
    const message = `it cannot be rendered: ${error instanceof Error ? error.message : String(error)}`
    return [{ field, problem: { line: 1, column: 1, message } }]
  }
}

/** One warning for the first of the template's own words that match. */
function wordWarning({ field, compiled }: Part, code: string, pattern: RegExp, reason: string): Warning[] {
  for (const { text, offset } of compiled.literals) {
    const word = pattern.exec(text)?.[0]
    if (word === undefined) continue
    const { line, column } = positionAt(compiled.source, compiled.source.indexOf(word, offset))
    return [{ field, code, message: `Line ${line}, column ${column} says "${word}"${reason}` }]
  }
  return []
}

/** A day that is fixed in a reminder is wrong for every offset but the one its author had in mind. */
const fixedDay = (part: Part): Warning[] =>
  wordWarning(
    part,
    'fixed_day',
    /\b(?:today|tomorrow)\b/i,
    ', but reminders go out at other distances from the appointment too; write {relative_day}, which says today, tomorrow or the date',
  )

const strayBrace = (part: Part): Warning[] =>
  wordWarning(part, 'stray_brace', /\}/, ', a brace that nothing opened; it is sent as it stands')

function smsWarnings(parts: TemplateParts, templates: TemplateSet, category: Category): Warning[] {
  const ignored: Warning = { field: parts.fields.subject, code: 'subject_ignored', message: 'An SMS has no subject' }
  const { text } = renderMessage({ channel: 'SMS', facts: sampleFacts(category), templates, compile: compileDraft })
  const { segments, units, encoding, forcedBy } = smsSegments(text)
  const cause =
    forcedBy.length === 0 ? '' : `; GSM-7 lacks ${excerpt(forcedBy.join(' '))}, which leaves 67 characters to a segment`
  const long: Warning = {
    field: parts.fields.body,
    code: 'sms_segments',
    message: `With usual values this SMS costs ${segments} segments (${units} ${encoding} units)${cause}`,
  }
  return [...(parts.subject === undefined ? [] : [ignored]), ...(segments > 1 ? [long] : [])]
}

/**
 * Checks an organization's templates before they are stored.
 * @returns warnings: `fixed_day` (a reminder that says "tomorrow"), `sms_segments` (more than one segment with usual
 * values, and the characters that force UCS-2), `subject_ignored` (on an SMS), `stray_brace`.
 * @throws NotificationError `template_invalid` with an issue for every fault of every template: syntax, unknown
 * variables, quoted braces, wrong types, more than 500 elements, a text that may be too long; each names its field, line and column.
 */
export function checkTemplates(field: keyof Templates, templates: TemplateSet): Warning[] {
  const channel: Channel = field === templateField.SMS ? 'SMS' : 'EMAIL'
  const entries = categories.flatMap((category) => {
    const parts = partsOf(templates, templateKeyOf[category], field)
    return parts === null ? [] : [{ category, parts, compiled: compiledParts(parts) }]
  })
  const faults = entries.flatMap(({ category, compiled }) =>
    compiled.flatMap((part) => faultsOf(part, category, channel)),
  )
  if (faults.length > 0) throw invalidTemplate(faults)
  return entries.flatMap(({ category, parts, compiled }) => [
    ...compiled.flatMap((part) => (category === 'REMINDER' ? fixedDay(part) : [])),
    ...compiled.flatMap(strayBrace),
    ...(channel === 'SMS' ? smsWarnings(parts, templates, category) : []),
  ])
}
