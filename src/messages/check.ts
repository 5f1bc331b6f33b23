import type { Warning } from '../schemas/common.ts'
import { type HostVariables, noVariables } from '../schemas/host-variables.ts'
import type { PartialSet, TemplateSet } from '../schemas/templates.ts'
import { type Category, categories, type DetailLevel, templateKeyOf } from '../schemas/vocabulary.ts'
import { type CompiledTemplate, type Compilers, usualCompilers } from './compile.ts'
import { hrefOf } from './document.ts'
import type { MessageFacts } from './facts.ts'
import type { Templated, TextFormat } from './format.ts'
import type { MailFrame } from './mail-frame.ts'
import { readMarkdown } from './markdown.ts'
import { namesPartials, withoutPartials, withPartials } from './partials.ts'
import { everyPart, type Piece, type TemplateParts } from './parts.ts'
import { renderParts } from './render.ts'
import { clipping } from './size.ts'
import { excerpt, invalidTemplate, type LocatedProblem, positionAt } from './template-problems.ts'
import { isAnswerLink, linkOf, takesAnswers } from './variables.ts'

/** Usual values with a long date, to price a text by. */
export function sampleFacts(category: Category, variables: HostVariables = noVariables): MessageFacts {
  return {
    ...(variables.size > 0 && {
      variables: Object.fromEntries([...variables].map(([name, { sample }]) => [name, sample])),
    }),
    category,
    start: { instant: new Date('2024-09-25T14:30:00Z'), timeZone: 'America/New_York' },
    durationMinutes: 45,
    practitionerName: 'Dr. Maria Smith',
    location: '123 Main Street, Suite 4',
    linkBase: 'https://clinic.example/notifications',
    organizationName: 'Medical Clinic',
    recipientName: 'Alexander Doe',
    patientName: 'Alexander Doe',
    locale: 'en-US',
    now: new Date('2024-09-22T14:30:00Z'),
    ask: { code: '4K', isBuiltIn: false },
  }
}

/** The same with nothing known, to see that gaps render too. */
function emptyFacts(facts: MessageFacts): MessageFacts {
  const nothing = { start: null, durationMinutes: null, practitionerName: null, location: null, variables: undefined }
  const nobody = { organizationName: null, recipientName: null, patientName: null }
  return { ...facts, ...nothing, ...nobody }
}

/** Beside the templates: what they are made of, and how they are compiled. */
export type Making = {
  readonly partials?: PartialSet | undefined
  readonly compilers?: Compilers | undefined
  /** What stands around their mails, to measure them. */
  readonly frame?: MailFrame | undefined
}

type Checked = Piece & { readonly compiled: CompiledTemplate; readonly role: 'body' | 'subject' | 'button' | 'link' }

/** What the texts that are checked together may have in all, with what they name: others wait meanwhile. */
type Left = { characters: number; elements: number }
const everything = (): Left => ({ characters: 1_000_000, elements: 20_000 })
const unitOf = { characters: 'characters', elements: 'parts' } as const satisfies Record<keyof Left, string>

/** @throws NotificationError `template_invalid` naming the text that is too much. */
function take(left: Left, of: keyof Left, count: number, field: string): void {
  left[of] -= count
  if (left[of] >= 0) return
  const most = `with those before it, and all that they name, it has more than ${everything()[of]} ${unitOf[of]}`
  throw invalidTemplate([{ field, problem: { line: 1, column: 1, message: most } }])
}

/** The faults of a text's own, each at its place; where it has none, those that it has with what it names. */
function compiledPiece(piece: Piece, role: Checked['role'], making: Making, left: Left): Checked {
  const checked = compiledWhole(piece, role, making, left)
  take(left, 'elements', checked.compiled.elements, piece.field)
  return checked
}

function compiledWhole(
  piece: Piece,
  role: Checked['role'],
  { partials = {}, compilers = usualCompilers }: Making,
  left: Left,
): Checked {
  const { text, field, form } = piece
  take(left, 'characters', text.length, field)
  const own = compilers.draft(withoutPartials(text), form)
  if (own.problems.length > 0 || !namesPartials(text)) return { ...piece, role, compiled: own }
  const whole = withPartials(text, partials)
  if (typeof whole !== 'string') return { ...piece, role, compiled: { ...own, problems: [whole] } }
  take(left, 'characters', whole.length, field)
  return { ...piece, role, compiled: compilers.draft(whole, form) }
}

function compiledParts({ body, subject, preheader, buttons }: TemplateParts, making: Making, left: Left): Checked[] {
  const compiled = (piece: Piece, role: Checked['role']) => compiledPiece(piece, role, making, left)
  const lines = [subject, preheader].flatMap((piece) => piece ?? [])
  return [
    ...lines.map((piece) => compiled(piece, 'subject')),
    compiled(body, 'body'),
    ...buttons.flatMap(({ label, url }) => [compiled(label, 'button'), compiled(url, 'link')]),
  ]
}

function faultsOf(part: Checked, facts: MessageFacts, { limit }: TextFormat): LocatedProblem[] {
  const { field, form, compiled, role } = part
  if (compiled.problems.length > 0) return compiled.problems.map((problem) => ({ field, problem }))
  const fault = (message: string): LocatedProblem[] => [{ field, problem: { line: 1, column: 1, message } }]
  try {
    const unanswerable = takesAnswers(facts.category)
      ? undefined
      : [...compiled.names].find((name) => isAnswerLink(name))
    if (unanswerable !== undefined)
      return fault(`{${unanswerable}} has no place in this text: there is no appointment to answer for`)
    const text = compiled.render(facts)
    compiled.render(emptyFacts(facts))
    if (role === 'link' && hrefOf(text) === null) return fault(`it leads to ${quoted(text)}, ${linkWords}`)
    if (form === 'markdown') {
      const strange: string[] = []
      readMarkdown(text, (link) => strange.push(link))
      if (strange[0] !== undefined) return fault(`a link leads to ${quoted(strange[0])}, ${linkWords}`)
    }
    // A line is cut to its length.
    const size = role === 'body' ? compiled.sizeFault(limit, facts) : null
    return size === null ? [] : fault(size)
  } catch (error) {
    return fault(`it cannot be rendered: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const linkWords = 'and links lead to "https:", "mailto:" or "tel:"'
const quoted = (text: string): string => JSON.stringify(excerpt(text))

/** One warning for the first of the template's own words that match. */
function wordWarning({ field, compiled }: Checked, code: string, pattern: RegExp, reason: string): Warning[] {
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

const fixedDay = (part: Checked): Warning[] =>
  wordWarning(
    part,
    'fixed_day',
    fixedDayWords,
    ', but reminders go out at other distances from the appointment too; write {relative_day}, which says today, tomorrow or the date',
  )

const strayBrace = (part: Checked): Warning[] =>
  wordWarning(part, 'stray_brace', /\}/, ', a brace that nothing opened; it is sent as it stands')

/** Of mail merges and other systems; whoever reads one has the wrong manual open. `{{date}}` is refused: it is no ICU message. */
const placeholder =
  /%+[a-z_]{2,30}%+|%(?:\d\$)?[sd]\b|\$[a-z_]{2,30}\b|\[\[?[a-z]+(?:[_ ][a-z]+)*\]\]?|<<[a-z_. ]{2,30}>>|<%=? ?[a-z_.]{2,30} ?%>|\*\|[a-z_]{2,30}\|\*|#[a-z_]{2,30}#|[｛【][^｛｝【】]{2,30}[｝】]/i
/** Before a variable: `${date}`, `#{date}`, `%{date}`. */
const sign = /([$#%])\{\s*[a-z_]+\s*\}/i

function foreignPlaceholder(part: Checked): Warning[] {
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

/** About what nobody would see, and a text that costs more than its author may think. */
function contentWarnings(channel: Templated, parts: TemplateParts, facts: MessageFacts, making: Making): Warning[] {
  const { words, content } = channel
  const what = words.one.charAt(0).toUpperCase() + words.one.slice(1)
  const ignored = (piece: Piece | null, code: string, name: string): Warning[] =>
    piece === null || content.subject !== null ? [] : [{ field: piece.field, code, message: `${what} has no ${name}` }]
  const { partials, compilers = usualCompilers, frame } = making
  const compile = compilers.draft
  const sample = renderParts(parts, facts, { channel, facts, templates: {}, partials, frame, compile })
  const long = sample === null ? null : (content.cost?.(sample.text).warning ?? null)
  return [
    ...ignored(parts.subject, 'subject_ignored', 'subject'),
    ...ignored(parts.preheader, 'preheader_ignored', 'preheader'),
    ...(long === null ? [] : [{ field: parts.body.field, ...long }]),
    ...clipping(sample?.html ?? null, parts.body.field),
  ]
}

type Entry = { readonly category: Category; readonly parts: TemplateParts; readonly compiled: readonly Checked[] }

function entriesOf(channel: Templated, templates: TemplateSet, making: Making): Entry[] {
  const left = everything()
  return categories.flatMap((category) =>
    everyPart(templates, templateKeyOf[category], channel.field).map((parts) => ({
      category,
      parts,
      compiled: compiledParts(parts, making, left),
    })),
  )
}

/** Usual values as the readers of these texts have them. */
function factsFor({ category, parts }: Entry, { compilers = usualCompilers }: Making): MessageFacts {
  const facts = sampleFacts(category, compilers.variables)
  return parts.language === null ? facts : { ...facts, locale: parts.language }
}

/**
 * Checks an organization's templates before they are stored.
 * @returns warnings: `fixed_day` (a reminder that says "tomorrow"), `sms_segments` (more than one segment with usual
 * values, and the characters that force UCS-2), `mail_clipped` (more HTML than Gmail shows), `subject_ignored` and `preheader_ignored` (where messages have none), `stray_brace`,
 * `foreign_placeholder` (`%date%`, `${date}` and their like).
 * @throws NotificationError `template_invalid` with an issue for every fault of every template: syntax, unknown
 * variables, quoted braces, wrong types, more than 500 elements, more than 20,000 or 1,000,000 characters in all, a text that may be too long, names of texts that are not there or
 * contain themselves, links that lead elsewhere; each names its field, line and column.
 */
export function checkTemplates(channel: Templated, templates: TemplateSet, making: Making = {}): Warning[] {
  const entries = entriesOf(channel, templates, making)
  const faults = entries.flatMap((entry) => {
    const facts = factsFor(entry, making)
    return entry.compiled.flatMap((part) => faultsOf(part, facts, channel.content))
  })
  if (faults.length > 0) throw invalidTemplate(faults)
  return entries.flatMap((entry) => {
    const { category, parts, compiled } = entry
    const words = compiled.filter(({ role }) => role !== 'link')
    return [
      ...words.flatMap((part) => (category === 'REMINDER' ? fixedDay(part) : [])),
      ...words.flatMap(strayBrace),
      ...words.flatMap(foreignPlaceholder),
      ...contentWarnings(channel, parts, factsFor(entry, making), making),
    ]
  })
}

/** @throws NotificationError `template_invalid` with an issue for every fault of the texts that templates are made of. */
export function checkPartials(field: string, partials: PartialSet, compilers: Compilers = usualCompilers): void {
  const left = everything()
  const faults = Object.entries(partials).flatMap(([name, text]) => {
    const piece: Piece = { text, field: `${field}.${name}`, form: 'text' }
    const { compiled } = compiledPiece(piece, 'body', { partials, compilers }, left)
    return compiled.problems.map((problem) => ({ field: piece.field, problem }))
  })
  if (faults.length > 0) throw invalidTemplate(faults)
}

/** What each text of the templates names: variables of the library and of its host, without a select that only asks whether there is one. */
export function namedIn(
  channel: Templated,
  templates: TemplateSet,
  making: Making = {},
): { readonly field: string; readonly category: Category; readonly name: string }[] {
  return entriesOf(channel, templates, making).flatMap(({ category, compiled }) =>
    compiled.flatMap(({ field, compiled: { names } }) => [...names].map((name) => ({ field, category, name }))),
  )
}

/** What messages name, with all their texts, by the field of their body. */
export const namedByBody = (
  channel: Templated,
  templates: TemplateSet,
  making: Making = {},
): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(
    entriesOf(channel, templates, making).map(({ parts, compiled }) => [
      parts.body.field,
      new Set(compiled.flatMap(({ compiled: { names } }) => [...names])),
    ]),
  )

/** Where templates name a link of the library, which needs what not every host has: the fields, each with the name of the variable. */
export const linksNamed = (channel: Templated, templates: TemplateSet, making: Making = {}) =>
  namedIn(channel, templates, making).filter(({ name }) => linkOf(name) !== null)

/**
 * A warning for each template that says more than messages of its kind may: it would not be sent.
 * @returns `detail_level`.
 */
export function detailWarnings(
  channel: Templated,
  templates: TemplateSet,
  levelOf: (category: Category) => DetailLevel,
  making: Making = {},
): Warning[] {
  return entriesOf(channel, templates, making).flatMap(({ category, compiled }) => {
    const level = levelOf(category)
    return compiled.flatMap(({ field, compiled }) =>
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
