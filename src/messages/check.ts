import type { Warning } from '../schemas/common.ts'
import type { TemplateSet } from '../schemas/templates.ts'
import { type Category, categories, type DetailLevel, templateKeyOf } from '../schemas/vocabulary.ts'
import { type CompiledTemplate, compileDraft } from './compile.ts'
import type { MessageFacts } from './facts.ts'
import type { Templated, TextFormat } from './format.ts'
import { partsOf, renderMessage, type TemplateParts } from './render.ts'
import { invalidTemplate, type LocatedProblem, positionAt } from './template-problems.ts'

/** Usual values with a long date, to price a text by. */
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
    ask: { code: '4K', isBuiltIn: false },
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

function faultsOf({ field, compiled, isSubject }: Part, category: Category, { limit }: TextFormat): LocatedProblem[] {
  if (compiled.problems.length > 0) return compiled.problems.map((problem) => ({ field, problem }))
  try {
    compiled.render(sampleFacts(category))
    compiled.render(emptyFacts(category))
    // A subject is cut to its length.
    const fault = isSubject ? null : compiled.sizeFault(limit, sampleFacts(category))
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
export const fixedDayWords = /\b(?:today|tomorrow)\b/i

const fixedDay = (part: Part): Warning[] =>
  wordWarning(
    part,
    'fixed_day',
    fixedDayWords,
    ', but reminders go out at other distances from the appointment too; write {relative_day}, which says today, tomorrow or the date',
  )

const strayBrace = (part: Part): Warning[] =>
  wordWarning(part, 'stray_brace', /\}/, ', a brace that nothing opened; it is sent as it stands')

/** Of mail merges and other systems; whoever reads one has the wrong manual open. `{{date}}` is refused: it is no ICU message. */
const placeholder =
  /%+[a-z_]{2,30}%+|%(?:\d\$)?[sd]\b|\$[a-z_]{2,30}\b|\[\[?[a-z]+(?:[_ ][a-z]+)*\]\]?|<<[a-z_. ]{2,30}>>|<%=? ?[a-z_.]{2,30} ?%>|\*\|[a-z_]{2,30}\|\*|#[a-z_]{2,30}#|[｛【][^｛｝【】]{2,30}[｝】]/i
/** Before a variable: `${date}`, `#{date}`, `%{date}`. */
const sign = /([$#%])\{\s*[a-z_]+\s*\}/i

function foreignPlaceholder(part: Part): Warning[] {
  const reason =
    ', which looks like a placeholder of another system and is sent as it stands; a variable is written {date}'
  const found = wordWarning(part, 'foreign_placeholder', placeholder, reason)
  if (found.length > 0) return found
  const { field, compiled } = part
  // What stands in braces is filled in, and the sign before it is sent.
  const signed = sign.exec(compiled.source)
  if (signed === null) return []
  const { line, column } = positionAt(compiled.source, signed.index)
  const message = `Line ${line}, column ${column} says "${signed[1]}" before a variable${reason}`
  return [{ field, code: 'foreign_placeholder', message }]
}

/** About a subject that nobody would see, and a text that costs more than its author may think. */
function contentWarnings(
  channel: Templated,
  parts: TemplateParts,
  templates: TemplateSet,
  category: Category,
): Warning[] {
  const { words, content } = channel
  const what = words.one.charAt(0).toUpperCase() + words.one.slice(1)
  const ignored = { field: parts.fields.subject, code: 'subject_ignored', message: `${what} has no subject` }
  const isIgnored = content.subject === null && parts.subject !== undefined
  const long = content.cost?.(sampleText(channel, templates, category)).warning ?? null
  return [...(isIgnored ? [ignored] : []), ...(long === null ? [] : [{ field: parts.fields.body, ...long }])]
}

const sampleText = (channel: Templated, templates: TemplateSet, category: Category): string =>
  renderMessage({ channel, facts: sampleFacts(category), templates, compile: compileDraft }).text

/**
 * Checks an organization's templates before they are stored.
 * @returns warnings: `fixed_day` (a reminder that says "tomorrow"), `sms_segments` (more than one segment with usual
 * values, and the characters that force UCS-2), `subject_ignored` (where messages have none), `stray_brace`,
 * `foreign_placeholder` (`%date%`, `${date}` and their like).
 * @throws NotificationError `template_invalid` with an issue for every fault of every template: syntax, unknown
 * variables, quoted braces, wrong types, more than 500 elements, a text that may be too long; each names its field, line and column.
 */
export function checkTemplates(channel: Templated, templates: TemplateSet): Warning[] {
  const entries = categories.flatMap((category) => {
    const parts = partsOf(templates, templateKeyOf[category], channel.field)
    return parts === null ? [] : [{ category, parts, compiled: compiledParts(parts) }]
  })
  const faults = entries.flatMap(({ category, compiled }) =>
    compiled.flatMap((part) => faultsOf(part, category, channel.content)),
  )
  if (faults.length > 0) throw invalidTemplate(faults)
  return entries.flatMap(({ category, parts, compiled }) => [
    ...compiled.flatMap((part) => (category === 'REMINDER' ? fixedDay(part) : [])),
    ...compiled.flatMap(strayBrace),
    ...compiled.flatMap(foreignPlaceholder),
    ...contentWarnings(channel, parts, templates, category),
  ])
}

/**
 * A warning for each template that says more than messages of its kind may: it would not be sent.
 * @returns `detail_level`.
 */
export function detailWarnings(
  channel: Templated,
  templates: TemplateSet,
  levelOf: (category: Category) => DetailLevel,
): Warning[] {
  return categories.flatMap((category) => {
    const parts = partsOf(templates, templateKeyOf[category], channel.field)
    if (parts === null) return []
    const level = levelOf(category)
    return compiledParts(parts).flatMap(({ field, compiled }) =>
      compiled.level <= level
        ? []
        : [
            {
              field,
              code: 'detail_level',
              message: `It names what messages of detail level ${level} must not say; the built-in text is sent in its place`,
            },
          ],
    )
  })
}
