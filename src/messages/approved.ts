import { type FieldIssue, issuesInWords, NotificationError } from '../errors.ts'
import {
  type ApprovedTemplate,
  type ApprovedTemplateSet,
  type FilledTemplate,
  languageOfValues,
} from '../schemas/approved-templates.ts'
import type { Warning } from '../schemas/common.ts'
import { type Category, categories, type DetailLevel, templateKeyOf } from '../schemas/vocabulary.ts'
import { fixedDayWords, sampleFacts } from './check.ts'
import { hashOf, hex } from './compile.ts'
import { isolateEnd } from './direction.ts'
import { atLevel, type MessageFacts, type RenderedMessage } from './facts.ts'
import type { ApprovedFormat, SizeLimit, Templated } from './format.ts'
import { isTooLong } from './size.ts'
import { unknownVariable } from './template-problems.ts'
import { isVariable, levelOf, meaningOf, modeVariable } from './variables.ts'

/** `{{1}}` or `{{first_name}}`, and what stands between two such braces by mistake. */
const placeholder = /\{\{([^{}]*)\}\}/g

/** What a text has between such braces, each once, in the order in which they first appear. */
const keysOf = (body: string): readonly string[] => [
  ...new Set([...body.matchAll(placeholder)].map(([, key = '']) => key.trim())),
]

/** What is not known: providers take no empty value. */
const unknownValue = '-'

type Parameter = FilledTemplate['parameters'][number]

/** Each is one line without runs of blanks, as providers demand, and no longer than it may be. */
function parametersOf({ body, variables }: ApprovedTemplate, facts: MessageFacts, longest: number): Parameter[] {
  const meaning = meaningOf(new Set(variables))
  const keys = keysOf(body)
  return variables.map((name, index) => {
    const text = meaning.text(name)(facts).replace(/\s+/g, ' ').trim()
    return { key: keys[index] ?? String(index + 1), name, value: text === '' ? unknownValue : cut(text, longest) }
  })
}

/** Never ends in half a surrogate pair, or within an isolate. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text
  const end = longest > 2 && text.endsWith(isolateEnd) ? `…${isolateEnd}` : '…'
  return `${text.slice(0, longest - end.length).replace(/\p{Cs}$/u, '')}${end}`
}

function filled(body: string, parameters: readonly Parameter[]): string {
  const values = new Map(parameters.map(({ key, value }) => [key, value]))
  return body.replace(placeholder, (whole, key: string) => values.get(key.trim()) ?? whole)
}

/** Where it would be too long, its longest value is cut, then the next: a shortened place is better than no message. */
function fitted(body: string, all: readonly Parameter[], limit: SizeLimit): readonly Parameter[] {
  const longest = Math.max(0, ...all.map(({ value }) => value.length))
  const excess = limit.sizeOf(filled(body, all)) - limit.most
  if (excess <= 0 || longest < 2) return all
  const at = all.findIndex(({ value }) => value.length === longest)
  const shorter = all.map((one, index) =>
    index === at ? { ...one, value: cut(one.value, Math.max(1, longest - excess)) } : one,
  )
  return fitted(body, shorter, limit)
}

/**
 * The message of an approved template: its text with the values, and these in the order of the template. Dates and times are in the
 * language of the template.
 */
export function renderApproved(
  format: ApprovedFormat,
  template: ApprovedTemplate,
  known: MessageFacts,
): RenderedMessage {
  const { name, language, body, variables, category = 'UTILITY' } = template
  const facts = atLevel({ ...known, locale: languageOfValues(template, known.locale) })
  const parameters = fitted(body, parametersOf(template, facts, format.longestValue), format.limit)
  return {
    subject: null,
    text: filled(body, parameters),
    html: null,
    template: { name, language, category, parameters },
    templateRevision: `approved:${hex(hashOf(JSON.stringify([name, language, body, variables])))}`,
  }
}

/**
 * Checks what an organization names as approved templates, before it is stored. `transports`: who may send; empty: nobody yet.
 * @returns warnings: `fixed_day`, of a reminder that says "tomorrow".
 * @throws NotificationError `template_invalid` with every fault and its field: unknown or repeated variables, numbers that are
 * missing or out of order, names beside numbers, another count than variables, a language twice, a name that the provider cannot
 * have, a text that is too long with usual values.
 */
export function checkApproved(
  { content, field }: Templated<ApprovedFormat>,
  templates: ApprovedTemplateSet,
  transports: readonly string[],
): Warning[] {
  const senders = transports.length === 0 ? [null] : transports
  const issues = categories.flatMap((category) => {
    const key = templateKeyOf[category]
    const ofKey = templates[key] ?? []
    return ofKey.flatMap((template, index): FieldIssue[] => {
      const at = `${field}.${key}[${index}]`
      const nameFaults = senders.flatMap((transport) => content.nameFault(template.name, transport) ?? [])
      const isAgain = ofKey.findIndex(({ language }) => language === template.language) < index
      return [
        ...(isAgain ? [{ field: `${at}.language`, message: `is "${template.language}" a second time` }] : []),
        ...nameFaults.slice(0, 1).map((message) => ({ field: `${at}.name`, message })),
        ...variableFaults(template, at),
        ...bodyFaults(template, category, content).map((message) => ({ field: `${at}.body`, message })),
      ]
    })
  })
  if (issues.length > 0) {
    throw new NotificationError('template_invalid', `Invalid template: ${issuesInWords(issues)}.`, { issues })
  }
  const key = templateKeyOf.REMINDER
  return (templates[key] ?? []).flatMap(({ body }, index) => {
    const word = fixedDayWords.exec(body.replace(placeholder, ''))?.[0]
    const message = `It says "${word}", but reminders go out at other distances from the appointment too; have a text approved that has {relative_day} there`
    return word === undefined ? [] : [{ field: `${field}.${key}[${index}].body`, code: 'fixed_day', message }]
  })
}

/**
 * A warning for each approved template that names what messages of its kind must not say, and is sent with `-` there.
 * @returns `detail_level`.
 */
export function approvedDetailWarnings(
  { field }: Templated<ApprovedFormat>,
  templates: ApprovedTemplateSet,
  levelFor: (category: Category) => DetailLevel,
): Warning[] {
  return categories.flatMap((category) => {
    const key = templateKeyOf[category]
    const level = levelFor(category)
    return (templates[key] ?? []).flatMap(({ variables }, index) => {
      const withheld = variables.filter((name) => levelOf([name]) > level).map((name) => `{${name}}`)
      const message = `Messages of detail level ${level} must not say ${withheld.join(', ')}; "${unknownValue}" is sent in its place`
      const at = `${field}.${key}[${index}].variables`
      return withheld.length === 0 ? [] : [{ field: at, code: 'detail_level', message }]
    })
  })
}

const variableFaults = ({ body, variables }: ApprovedTemplate, at: string): FieldIssue[] =>
  variables.flatMap((name, index) => {
    const first = variables.indexOf(name)
    const message = !isVariable(name)
      ? `is wrong: ${unknownVariable(name)}`
      : name === modeVariable
        ? `is wrong: {${name}} is a word by which templates choose their own, and an approved one cannot choose`
        : first < index
          ? `is {${name}} a second time: the text repeats a value by its own {{${keysOf(body)[first] ?? first + 1}}}`
          : null
    return message === null ? [] : [{ field: `${at}.variables[${index}]`, message }]
  })

function bodyFaults(
  template: ApprovedTemplate,
  category: Category,
  { longestValue, limit }: ApprovedFormat,
): readonly string[] {
  const { body, variables } = template
  const keys = keysOf(body)
  const fault = keyFault(keys)
  if (fault !== null) return [fault]
  if (/[{}]/.test(body.replace(placeholder, ''))) return ['has a single brace: variables are written {{1}}']
  if (keys.length !== variables.length) {
    return [`has ${keys.length} variables, and "variables" lists ${variables.length}`]
  }
  if (!variables.every((name) => isVariable(name))) return []
  const facts = { ...sampleFacts(category), locale: languageOfValues(template, null) }
  const text = filled(body, parametersOf(template, facts, longestValue))
  if (!isTooLong(limit, text)) return []
  return [`with usual values it has ${limit.sizeOf(text)} ${limit.unit}, and a message has at most ${limit.most}`]
}

/** Numbers in order, or names. */
function keyFault(keys: readonly string[]): string | null {
  const strange = keys.find((key) => !/^(?:[1-9]\d?|[a-z]\w{0,49})$/i.test(key))
  if (strange !== undefined) {
    return `has {{${strange.slice(0, 50)}}}: variables are numbers, {{1}} and on, or names such as {{first_name}}`
  }
  const numbers = keys.map(Number)
  if (numbers.every(Number.isNaN)) return null
  if (numbers.some(Number.isNaN)) return 'has both numbers and names: the variables of a template are either'
  const wrong = numbers.findIndex((number, index) => number !== index + 1)
  if (wrong < 0) return null
  const expected = `{{${wrong + 1}}}`
  return numbers.includes(wrong + 1)
    ? `has {{${numbers[wrong]}}} before ${expected}: variables are numbered in the order in which they appear`
    : `has {{${numbers[wrong]}}} and no ${expected}: variables are numbered from 1, and none is left out`
}
